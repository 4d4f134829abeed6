"""Every URL of Vitrine."""

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

API = ("signage", "identities", "decisions", "events", "subjects", "catalog", "registry", "training", "privacy")

urlpatterns = [
    path("v1/openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("v1/docs", SpectacularSwaggerView.as_view(url_name="openapi"), name="docs"),
    *(path("v1/", include(f"{app}.urls")) for app in API),
    path("health/", include("config.health")),
    path("", include("console.urls")),
]
