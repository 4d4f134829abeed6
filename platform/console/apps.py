"""Django's configuration of the app."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """The console's pages."""

    name = "console"
