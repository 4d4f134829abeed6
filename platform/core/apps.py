"""Django's configuration of the app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Base models, tenancy, epochs, problem details."""

    name = "core"
