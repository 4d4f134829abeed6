"""Base models, and the two small tables that every app shares."""

from typing import ClassVar
from uuid import UUID

from django.db import models

from core.ids import new_id, public_id


class Record(models.Model):
    """A row with a UUIDv7 key that the API shows with the prefix of its noun."""

    PREFIX: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True

    @property
    def public_id(self) -> str:
        """Return the id as the API shows it."""
        return public_id(self.PREFIX, self.id)


class OperatorRecord(Record):
    """A row that belongs to one operator; its migration forces row-level security."""

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT, related_name="+")
    operator_id: UUID

    class Meta:
        abstract = True


class Epoch(models.Model):
    """How often one kind of thing has changed for an operator: in-memory copies reload when it moves."""

    id = models.BigAutoField(primary_key=True)
    operator = models.ForeignKey("accounts.Operator", on_delete=models.CASCADE, related_name="+")
    operator_id: UUID
    topic = models.CharField(max_length=32)
    version = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["operator", "topic"], name="epoch_once_per_topic")]


class Reply(models.Model):
    """The stored answer to a write that came with an Idempotency-Key; sealed, since answers may hold secrets."""

    id = models.BigAutoField(primary_key=True)
    operator = models.ForeignKey("accounts.Operator", on_delete=models.CASCADE, related_name="+")
    operator_id: UUID
    key = models.CharField(max_length=255)
    actor = models.CharField(max_length=80)
    digest = models.BinaryField()
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["operator", "actor", "key"], name="reply_once_per_key")]
