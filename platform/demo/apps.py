"""Django's configuration of the app."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The demonstration operator and the simulator."""

    name = "demo"
