"""Django's configuration of the app."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """Datasets, runs, schedule."""

    name = "training"
