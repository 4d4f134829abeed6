"""Django's configuration of the app."""

from django.apps import AppConfig


class ServersConfig(AppConfig):
    """The launcher of embedded servers."""

    name = "servers"
