"""The app's part of /v1/."""

app_name = "training"
urlpatterns: list[object] = []
