"""Django's configuration of the app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Operators, members, roles, credentials."""

    name = "accounts"
