"""The app's part of /v1/."""

from django.urls import path

from training import api

app_name = "training"
urlpatterns = [
    path("alerts", api.Alerts.as_view(), name="alerts"),
    path("runs", api.Runs.as_view(), name="runs"),
    path("runs/<str:run>", api.OneRun.as_view(), name="run"),
]
