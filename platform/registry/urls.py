"""The app's part of /v1/."""

from django.urls import path

from registry import api

app_name = "registry"
urlpatterns = [
    path("models", api.Models.as_view(), name="models"),
    path("models/rollback", api.Rollback.as_view(), name="rollback"),
    path("models/<str:model>", api.Model.as_view(), name="model"),
    path("models/<str:model>/activate", api.Activation.as_view(), name="activate"),
]
