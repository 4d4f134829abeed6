"""The app's part of /v1/."""

from django.urls import path

from registry.api import policy, stages, versions

app_name = "registry"
urlpatterns = [
    path("models", versions.Models.as_view(), name="models"),
    path("models/rollback", stages.Rollback.as_view(), name="rollback"),
    path("models/policy", policy.Policy.as_view(), name="policy"),
    path("models/<str:model>", versions.Model.as_view(), name="model"),
    path("models/<str:model>/activate", stages.Activation.as_view(), name="activate"),
    path("models/<str:model>/shadow", stages.Shadow.as_view(), name="shadow"),
    path("models/<str:model>/canary", stages.Canary.as_view(), name="canary"),
    path("models/<str:model>/retire", stages.Retirement.as_view(), name="retire"),
]
