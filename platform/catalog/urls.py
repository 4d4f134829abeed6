"""The app's part of /v1/."""

app_name = "catalog"
urlpatterns: list[object] = []
