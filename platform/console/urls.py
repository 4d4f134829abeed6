"""The console's pages."""

app_name = "console"
urlpatterns: list[object] = []
