"""Django's configuration of the app."""

from django.apps import AppConfig


class DecisionsConfig(AppConfig):
    """The serving path and its log."""

    name = "decisions"
