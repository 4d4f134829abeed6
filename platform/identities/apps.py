"""Django's configuration of the app."""

from django.apps import AppConfig


class IdentitiesConfig(AppConfig):
    """Templates, gallery, recognition."""

    name = "identities"
