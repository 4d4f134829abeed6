"""The app's part of /v1/."""

app_name = "privacy"
urlpatterns: list[object] = []
