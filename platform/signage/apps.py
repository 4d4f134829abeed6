"""Django's configuration of the app."""

from django.apps import AppConfig


class SignageConfig(AppConfig):
    """Venues, screens, scenes, players."""

    name = "signage"
