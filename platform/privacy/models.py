"""What people ask for under their rights, and the proof that it was done."""

from decimal import Decimal
from typing import Any
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


class BudgetKind(models.TextChoices):
    """What an entry of the privacy budget does."""

    GRANT = "grant"
    SPEND = "spend"
    RETURN = "return"


def _amount(**options: Any) -> Any:
    return models.DecimalField(max_digits=18, decimal_places=12, **options)


class BudgetEntry(OperatorRecord):
    """One entry of an operator's budget of differential privacy; a trigger adds up, another refuses to change any.

    Epsilons and deltas of releases from the same log add up (sequential composition: Dwork et al., TCC 2006).

    Attributes:
        number: place in the operator's ledger, from 1; set by the database, as are the four sums.
        epsilon, delta: of this entry.
        granted_epsilon, granted_delta, spent_epsilon, spent_delta: after this entry.
        returns: the spending that this entry gives back: nothing of it was released.
        run_id: the training that spent it, if one did.
    """

    PREFIX = "bud"

    number = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=8, choices=BudgetKind.choices)
    epsilon = _amount()
    delta = _amount()
    granted_epsilon = _amount(default=Decimal(0))
    granted_delta = _amount(default=Decimal(0))
    spent_epsilon = _amount(default=Decimal(0))
    spent_delta = _amount(default=Decimal(0))
    reason = models.CharField(max_length=200)
    actor = models.CharField(max_length=80)
    at = models.DateTimeField()
    run_id = models.UUIDField(null=True)
    returns = models.OneToOneField("self", on_delete=models.PROTECT, related_name="returned_by", null=True)
    returns_id: UUID | None

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "number"], name="budget_numbered"),
            models.CheckConstraint(condition=Q(kind__in=BudgetKind.values), name="budget_kind_known"),
            models.CheckConstraint(
                condition=Q(epsilon__gte=0, delta__gte=0) & (Q(epsilon__gt=0) | Q(delta__gt=0)),
                name="budget_amount_positive",
            ),
            models.CheckConstraint(
                condition=Q(
                    spent_epsilon__gte=0, spent_delta__gte=0, spent_epsilon__lte=F("granted_epsilon"),
                    spent_delta__lte=F("granted_delta"),
                ),
                name="budget_spent_within_grants",
            ),
            models.CheckConstraint(
                condition=Q(kind=BudgetKind.RETURN, returns__isnull=False)
                | (~Q(kind=BudgetKind.RETURN) & Q(returns__isnull=True)),
                name="budget_return_names_what",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.epsilon}"
