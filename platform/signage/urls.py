"""The app's part of /v1/."""

app_name = "signage"
urlpatterns: list[object] = []
