"""The app's part of /v1/."""

app_name = "events"
urlpatterns: list[object] = []
