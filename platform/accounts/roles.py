"""What members and credentials may do: the words other apps use."""

from django.db import models


class Role(models.TextChoices):
    """What a member may do, from most to least."""

    OWNER = "owner"
    EDITOR = "editor"
    PRIVACY_OFFICER = "privacy_officer"
    ANALYST = "analyst"
    REVIEWER = "reviewer"
    VIEWER = "viewer"


class Scope(models.TextChoices):
    """What a credential may do."""

    DEVICE = "device"
    KIOSK = "kiosk"
    READ = "read"
    WRITE = "write"
    SUBJECTS = "subjects"
    MODELS = "models"
