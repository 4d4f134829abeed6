"""The app's part of /v1/."""

app_name = "identities"
urlpatterns: list[object] = []
