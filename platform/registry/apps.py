"""Django's configuration of the app."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Model versions and the active ranker."""

    name = "registry"
