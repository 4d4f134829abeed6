"""The app's part of /v1/."""

from django.urls import path

from decisions.api import decisions, manifest

app_name = "decisions"
urlpatterns = [
    path("decisions", decisions.Decisions.as_view(), name="decisions"),
    path("decisions/<str:decision>", decisions.Decision.as_view(), name="decision"),
    path("player/manifest", manifest.ManifestView.as_view(), name="manifest"),
]
