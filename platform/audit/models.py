"""The append-only, hash-chained log of what was done to people's data and to the installation."""

from django.db import models

from core.models import OperatorRecord


class Entry(OperatorRecord):
    """One thing that was done. Triggers in the database refuse to change or delete it."""

    PREFIX = "aud"

    number = models.BigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=80)
    detail = models.JSONField(default=dict)
    previous_hash = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "number"], name="audit_number_once"),
            models.CheckConstraint(condition=models.Q(number__gt=0), name="audit_number_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.action} {self.target}"
