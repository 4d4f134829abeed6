"""The app's part of /v1/."""

from django.urls import path

from decisions.api import decisions, explanations, manifest

app_name = "decisions"
urlpatterns = [
    path("decisions", decisions.Decisions.as_view(), name="decisions"),
    path("decisions/<str:decision>", decisions.Decision.as_view(), name="decision"),
    path("decisions/<str:decision>/explanation", explanations.Explanations.as_view(), name="explanation"),
    path("player/manifest", manifest.ManifestView.as_view(), name="manifest"),
]
