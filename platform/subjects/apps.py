"""Django's configuration of the app."""

from django.apps import AppConfig


class SubjectsConfig(AppConfig):
    """Pseudonymous people and their consents."""

    name = "subjects"
