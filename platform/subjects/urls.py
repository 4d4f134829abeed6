"""The app's part of /v1/."""

app_name = "subjects"
urlpatterns: list[object] = []
