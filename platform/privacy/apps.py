"""Django's configuration of the app."""

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    """Rights requests and certificates."""

    name = "privacy"
