"""Pseudonymous people, the notices they were shown, their consents and what they liked.

The consent ledger is append-only (triggers refuse UPDATE and DELETE), and erasure still works: an entry names its
person only by a random ``reference`` that nothing is derived from. The single place that links the reference to a
person is ``Subject.reference``. Erasure deletes that row, and the entries that stay prove that *somebody* consented
under a notice at a time, to nobody's disadvantage (GDPR recital 26: no longer relating to an identifiable person).
"""

from uuid import UUID, uuid4

from django.db import models
from django.db.models import F, Q

from core.models import OperatorRecord
from subjects.purposes import Purpose


class Origin(models.TextChoices):
    """Where a subject registered."""

    KIOSK = "kiosk"
    PORTAL = "portal"
    API = "api"
    DEMO = "demo"
    SIMULATED = "simulated"


class Subject(OperatorRecord):
    """A consenting person, known by a pseudonym. An erased one has no row."""

    PREFIX = "sub"

    pseudonym = models.CharField(max_length=60)
    origin = models.CharField(max_length=20, choices=Origin.choices)
    reference = models.UUIDField(default=uuid4, unique=True, editable=False)
    loyalty_digest = models.BinaryField(null=True, unique=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "pseudonym"], name="subject_pseudonym_once"),
            models.CheckConstraint(condition=Q(origin__in=Origin.values), name="subject_origin_known"),
        ]

    def __str__(self) -> str:
        return self.pseudonym


class Notice(OperatorRecord):
    """One version of the text people read before they consent; a trigger refuses to change or delete it."""

    PREFIX = "ntc"

    version = models.PositiveIntegerField()
    language = models.CharField(max_length=12)
    title = models.CharField(max_length=200)
    text = models.TextField()
    purposes = models.JSONField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "version", "language"], name="notice_once_per_version"),
            models.CheckConstraint(condition=Q(version__gte=1), name="notice_version_positive"),
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="notice_sha256_hexadecimal"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.language}, version {self.version})"


class NoticeView(OperatorRecord):
    """Proof that a notice was on a screen; it names nobody."""

    PREFIX = "ntv"

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="+")
    notice_id: UUID
    channel = models.CharField(max_length=30)
    screen_id = models.UUIDField(null=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["operator", "at"], name="notice_view_at")]

    def __str__(self) -> str:
        return f"{self.notice_id} {self.at:%Y-%m-%d %H:%M}"


class Action(models.TextChoices):
    """What an entry of the ledger says happened to a consent."""

    GIVEN = "given"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class ConsentEntry(OperatorRecord):
    """One line of the append-only consent ledger; ``reference`` is ``Subject.reference``, see the module above."""

    PREFIX = "con"

    reference = models.UUIDField()
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    action = models.CharField(max_length=20, choices=Action.choices)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="+", null=True)
    notice_id: UUID | None
    method = models.CharField(max_length=30)
    channel = models.CharField(max_length=30)
    actor = models.CharField(max_length=80)
    venue_id = models.UUIDField(null=True)
    expires_at = models.DateTimeField(null=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["operator", "reference", "at"], name="consent_entry_of_subject")]
        constraints = [
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="consent_entry_purpose_known"),
            models.CheckConstraint(condition=Q(action__in=Action.values), name="consent_entry_action_known"),
            models.CheckConstraint(
                condition=~Q(action=Action.GIVEN) | Q(notice__isnull=False, expires_at__gt=F("at")),
                name="consent_entry_given_is_informed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.action} {self.at:%Y-%m-%d %H:%M}"


class Consent(OperatorRecord):
    """The present state of one subject's consent to one purpose; the ledger tells how it came about."""

    PREFIX = "cst"

    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="consents")
    subject_id: UUID
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    state = models.CharField(max_length=20, choices=Action.choices)
    given_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    venue_id = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "purpose"], name="consent_once_per_purpose"),
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="consent_purpose_known"),
            models.CheckConstraint(condition=Q(state__in=Action.values), name="consent_state_known"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("given_at")), name="consent_expires_later"),
            models.CheckConstraint(
                condition=Q(state=Action.GIVEN, ended_at__isnull=True)
                | (~Q(state=Action.GIVEN) & Q(ended_at__isnull=False)),
                name="consent_ended_unless_given",
            ),
        ]
        indexes = [
            models.Index(fields=["operator", "purpose", "expires_at"], condition=Q(state="given"), name="consent_live"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.state}"


class Profile(models.Model):
    """What a subject with a live ``personalise`` consent engaged with: at most 50 items, newest first.

    An item is ``[creative's public id, category, milliseconds since 1970]``.
    """

    subject = models.OneToOneField(Subject, on_delete=models.CASCADE, primary_key=True, related_name="profile")
    subject_id: UUID
    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT, related_name="+")
    operator_id: UUID
    recent = models.JSONField(default=list)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{len(self.recent)} items"


class Receipt(OperatorRecord):
    """What a subject takes away; whoever holds the token may see and withdraw the consents. Only its digest is kept."""

    PREFIX = "rcp"

    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="receipts")
    subject_id: UUID
    digest = models.BinaryField(unique=True)

    def __str__(self) -> str:
        return self.public_id
