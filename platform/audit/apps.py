"""Django's configuration of the app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The append-only log."""

    name = "audit"
