"""Django's configuration of the app."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Plays and engagements."""

    name = "events"
