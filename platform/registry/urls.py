"""The app's part of /v1/."""

app_name = "registry"
urlpatterns: list[object] = []
