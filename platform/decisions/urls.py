"""The app's part of /v1/."""

app_name = "decisions"
urlpatterns: list[object] = []
