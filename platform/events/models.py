"""What happened on the screens: plays and engagements, who works there, and interactions from published logs.

Foreign keys with ``db_constraint=False`` have a stricter one in the migration: it spans the operator as well. Those
with ``db_index=False`` are found by an index or a constraint that begins with them, or are never looked up by.
"""

from uuid import UUID

from django.db import models
from django.db.models import F, Q

from core.models import OperatorRecord


class Play(OperatorRecord):
    """Proof that a creative was on a screen.

    Attributes:
        event_id: chosen by the player; the same event counts once.
        digest: of the event's content, so that an id used for something else is noticed.
        decision, position: the choice that was played; empty for a play from an offline bundle.
        bundle: the offline bundle it was played from.
        started_at: on the server's clock.
        clock_offset_ms: what was added to the player's clock.
        repeat: the same choice had been played before; a repeat is never billed and never learnt from.
        billed_micros: what the campaign was charged.
    """

    PREFIX = "pla"

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    operator_id: UUID
    event_id = models.UUIDField()
    digest = models.BinaryField()
    decision = models.ForeignKey(
        "decisions.Decision", on_delete=models.PROTECT, related_name="+", null=True, db_constraint=False
    )
    decision_id: UUID | None
    position = models.PositiveSmallIntegerField(null=True)
    bundle = models.CharField(max_length=80, blank=True, default="")
    creative = models.ForeignKey("catalog.Creative", on_delete=models.PROTECT, related_name="+")
    creative_id: UUID
    campaign = models.ForeignKey(
        "catalog.Campaign", on_delete=models.PROTECT, related_name="+", null=True, db_constraint=False
    )
    campaign_id: UUID | None
    screen = models.ForeignKey(
        "signage.Screen", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    screen_id: UUID
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    received_at = models.DateTimeField()
    clock_offset_ms = models.BigIntegerField(default=0)
    repeat = models.BooleanField(default=False)
    billed_micros = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "event_id"], name="play_event_once"),
            models.UniqueConstraint(
                fields=["decision", "position"], condition=Q(repeat=False), name="play_counts_once_per_choice"
            ),
            models.CheckConstraint(
                condition=Q(decision__isnull=False, position__isnull=False, bundle="")
                | Q(decision__isnull=True, position__isnull=True) & ~Q(bundle=""),
                name="play_from_decision_or_bundle",
            ),
            models.CheckConstraint(condition=Q(duration_ms__gt=0), name="play_duration_positive"),
            models.CheckConstraint(condition=Q(billed_micros__gte=0), name="play_bill_not_negative"),
            models.CheckConstraint(
                condition=Q(billed_micros=0) | Q(campaign__isnull=False, decision__isnull=False, repeat=False),
                name="play_billed_to_campaign_once",
            ),
        ]
        indexes = [
            models.Index(fields=["operator", "started_at"], name="play_at"),
            models.Index(fields=["screen", "started_at"], name="play_of_screen"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Kind(models.TextChoices):
    """What somebody did in front of a screen."""

    DWELL = "dwell"
    ATTENTION = "attention"
    TOUCH = "touch"
    SCAN = "scan"
    CONVERSION = "conversion"


class Engagement(OperatorRecord):
    """Something somebody did about a choice; it names nobody.

    Attributes:
        value: seconds for dwell and attention, a count for touch and scan, any amount for a conversion.
        positive: whether it counts as engagement (``events.engagement.is_positive``).
    """

    PREFIX = "eng"

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    operator_id: UUID
    event_id = models.UUIDField()
    digest = models.BinaryField()
    decision = models.ForeignKey(
        "decisions.Decision", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    decision_id: UUID
    position = models.PositiveSmallIntegerField()
    screen = models.ForeignKey(
        "signage.Screen", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    screen_id: UUID
    kind = models.CharField(max_length=12, choices=Kind.choices)
    value = models.FloatField()
    positive = models.BooleanField()
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    clock_offset_ms = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "event_id"], name="engagement_event_once"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="engagement_kind_known"),
            models.CheckConstraint(condition=Q(value__gte=0), name="engagement_value_not_negative"),
        ]
        indexes = [
            models.Index(fields=["decision", "position", "at"], name="engagement_of_choice"),
            models.Index(fields=["operator", "at"], name="engagement_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value:g}"


class StaffPeriod(OperatorRecord):
    """A time in which a subject worked there: decisions before them, and what came of those, are no audience's.

    Attributes:
        until: when it ended; null while they work there.
    """

    PREFIX = "stf"

    subject = models.ForeignKey("subjects.Subject", on_delete=models.CASCADE, related_name="+")
    subject_id: UUID
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject"], condition=Q(until=None), name="staff_once_at_a_time"),
            models.CheckConstraint(condition=Q(until=None) | Q(until__gt=F("since")), name="staff_period_ends_later"),
        ]

    def __str__(self) -> str:
        return f"since {self.since:%Y-%m-%d %H:%M}"


class ImportedInteraction(OperatorRecord):
    """One line of a published log, mapped onto the catalogue.

    Attributes:
        source: name of the log.
        sequence: number of the line within its source.
        person: opaque key of somebody in that log, never a subject; empty when the log names nobody.
        propensity: probability with which the log's policy showed the creative, where it is known.
        label: whether that person engaged.
    """

    PREFIX = "imp"

    source = models.CharField(max_length=60)
    sequence = models.PositiveIntegerField()
    person = models.CharField(max_length=60, blank=True, default="")
    creative = models.ForeignKey("catalog.Creative", on_delete=models.PROTECT, related_name="+")
    creative_id: UUID
    screen = models.ForeignKey(
        "signage.Screen", on_delete=models.PROTECT, related_name="+", null=True, db_constraint=False, db_index=False
    )
    screen_id: UUID | None
    scene = models.CharField(max_length=60, blank=True, default="")
    at = models.DateTimeField()
    position = models.PositiveSmallIntegerField(default=0)
    propensity = models.FloatField(null=True)
    label = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "source", "sequence"], name="imported_once_per_line"),
            models.CheckConstraint(
                condition=Q(propensity__isnull=True) | Q(propensity__gt=0, propensity__lte=1),
                name="imported_propensity_range",
            ),
        ]
        indexes = [models.Index(fields=["operator", "at"], name="imported_at")]

    def __str__(self) -> str:
        return f"{self.source} {self.sequence}"
