"""Django's configuration of the app."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Advertisers, campaigns, creatives."""

    name = "catalog"
