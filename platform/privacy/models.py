"""What people ask for under their rights, and the proof that it was done."""

from uuid import UUID

from django.db import models
from django.db.models import F, Q

from core.models import OperatorRecord


class Kind(models.TextChoices):
    """What a person can ask for (GDPR articles 15 to 21)."""

    ACCESS = "access"
    EXPORT = "export"
    CORRECTION = "correction"
    OBJECTION = "objection"
    ERASURE = "erasure"


class State(models.TextChoices):
    """How far a request is."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


class Certificate(OperatorRecord):
    """Signed proof of an erasure; a trigger refuses to change or delete it.

    Attributes:
        subject_digest: keyed digest of the subject's id (``privacy.digests``): whoever knows the id can have it
            checked, nobody can get the id out of it.
        body: what was erased, what was searched, what is kept and why.
        signature: Ed25519 over the canonical body (RFC 8032).
    """

    PREFIX = "crt"

    subject_digest = models.CharField(max_length=64)
    body = models.JSONField()
    signature = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["operator", "subject_digest"], name="certificate_of_subject")]
        constraints = [
            models.CheckConstraint(condition=Q(subject_digest__regex="^[0-9a-f]{64}$"), name="certificate_digest_hex"),
        ]

    def __str__(self) -> str:
        return self.public_id


class RightsRequest(OperatorRecord):
    """Something a person asked for, with the date by which it has to be answered.

    Attributes:
        subject_id: who asked; no foreign key, so the request outlives an erasure, which empties the field.
        subject_digest: the same as a keyed digest; stays.
        note: what the person said; deleted with an erasure.
        reason: why a failed one failed.
    """

    PREFIX = "rrq"

    subject_id = models.UUIDField(null=True)
    subject_digest = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    channel = models.CharField(max_length=30)
    actor = models.CharField(max_length=80)
    note = models.TextField(blank=True, default="")
    reason = models.TextField(blank=True, default="")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="+", null=True)
    certificate_id: UUID | None

    class Meta:
        indexes = [models.Index(fields=["operator", "state", "due_at"], name="rights_request_due")]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="rights_request_kind_known"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="rights_request_state_known"),
            models.CheckConstraint(condition=Q(due_at__gt=F("asked_at")), name="rights_request_due_later"),
            models.CheckConstraint(
                condition=Q(state=State.DONE, finished_at__isnull=False)
                | (~Q(state=State.DONE) & Q(finished_at__isnull=True)),
                name="rights_request_finished_when_done",
            ),
            models.CheckConstraint(
                condition=~Q(kind=Kind.ERASURE, state=State.DONE)
                | Q(certificate__isnull=False, subject_id__isnull=True, note=""),
                name="rights_request_erasure_is_certified",
            ),
            models.UniqueConstraint(
                fields=["operator", "subject_id"], condition=Q(kind="erasure", state="open"),
                name="rights_request_one_open_erasure",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"
