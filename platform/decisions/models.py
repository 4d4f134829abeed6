"""The log of decisions: what was chosen, for whom it was personal, and how likely each choice was.

Foreign keys with ``db_constraint=False`` have a stricter one in the migration: it spans the operator as well. Those
with ``db_index=False`` are found by an index or a constraint that begins with them, or are never looked up by.
"""

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from core.models import OperatorRecord


class Basis(models.TextChoices):
    """What a choice rests on."""

    PERSONAL = "personal"
    CONTEXTUAL = "contextual"
    HOUSE = "house"


class Decision(OperatorRecord):
    """What one screen was told to show, on what basis, and for how long it may.

    Attributes:
        scene: key of the scene at that time; scenes may be renamed, the log may not.
        purposes: consented purposes the decision rests on.
        audience: ``{"count", "recognised", "anonymous", "bystander"}``: numbers only, never who.
        context: exactly what the ranker was told about place and time (``recsys.features.Context``).
        criteria: what the player said about the moment, for instance the weather.
        model: version of the ranker that scored.
        degraded: why the decision is less than it could be; empty when it is not.
        exploration: the rule that turned scores into chances (``decisions.exploration.Rule.name``); empty before there
            were several.
        considered: which creatives it chose among (``decisions.considered``); empty where that was not kept.
    """

    PREFIX = "dec"

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    operator_id: UUID
    screen = models.ForeignKey(
        "signage.Screen", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    screen_id: UUID
    scene = models.CharField(max_length=60)
    policy = models.CharField(max_length=40)
    at = models.DateTimeField()
    lease_until = models.DateTimeField()
    basis = models.CharField(max_length=12, choices=Basis.choices)
    purposes = ArrayField(models.CharField(max_length=20), default=list)
    audience = models.JSONField()
    context = models.JSONField()
    criteria = models.JSONField(default=dict)
    model = models.CharField(max_length=80)
    degraded = models.CharField(max_length=40, blank=True, default="")
    exploration = models.CharField(max_length=80, blank=True, default="")
    considered = models.BinaryField(default=bytes)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "operator"], name="decision_of_operator"),
            models.CheckConstraint(condition=Q(basis__in=Basis.values), name="decision_basis_known"),
            models.CheckConstraint(condition=Q(lease_until__gt=F("at")), name="decision_lease_later"),
            models.CheckConstraint(
                condition=~Q(basis=Basis.PERSONAL) | Q(purposes__contains=["personalise"]),
                name="decision_personal_on_consent",
            ),
        ]
        indexes = [
            models.Index(fields=["operator", "at"], name="decision_at"),
            models.Index(fields=["operator", "lease_until"], name="decision_lease"),
            models.Index(fields=["screen", "at"], name="decision_of_screen"),
        ]

    def __str__(self) -> str:
        return self.public_id


class DecisionViewer(OperatorRecord):
    """Somebody with a live ``personalise`` consent for whom a decision was made; erasure empties ``subject``.

    Attributes:
        place: 0 for the first such viewer of the decision.
        learn: whether a ``learn`` consent was live at that moment.
    """

    PREFIX = "dvw"

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    operator_id: UUID
    decision = models.ForeignKey(
        Decision, on_delete=models.CASCADE, related_name="viewers", db_constraint=False, db_index=False
    )
    decision_id: UUID
    subject = models.ForeignKey(
        "subjects.Subject", on_delete=models.SET_NULL, related_name="+", null=True, db_index=False
    )
    subject_id: UUID | None
    place = models.PositiveSmallIntegerField()
    learn = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["decision", "place"], name="decision_viewer_once_per_place"),
            models.UniqueConstraint(fields=["decision", "subject"], name="decision_viewer_once_per_subject"),
        ]
        indexes = [models.Index(fields=["subject", "at"], name="decision_viewer_at")]

    def __str__(self) -> str:
        return f"{self.decision_id} {self.place}"


class Choice(OperatorRecord):
    """One place of a slate.

    Attributes:
        category, advertiser: as they were then; the advertiser is the ranker's word, empty for content.
        propensity: probability of this creative at this place, given the places before it.
        score: estimated probability that somebody engages.
        price_micros: what a play costs the campaign, fixed by the decision; 0 for content.
        reasons: plain sentences.
    """

    PREFIX = "chc"

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    operator_id: UUID
    decision = models.ForeignKey(
        Decision, on_delete=models.CASCADE, related_name="choices", db_constraint=False, db_index=False
    )
    decision_id: UUID
    position = models.PositiveSmallIntegerField()
    creative = models.ForeignKey("catalog.Creative", on_delete=models.PROTECT, related_name="+", db_index=False)
    creative_id: UUID
    campaign = models.ForeignKey(
        "catalog.Campaign", on_delete=models.PROTECT, related_name="+", null=True, db_constraint=False, db_index=False
    )
    campaign_id: UUID | None
    category = models.CharField(max_length=80)
    advertiser = models.CharField(max_length=80, blank=True, default="")
    duration_ms = models.PositiveIntegerField()
    propensity = models.FloatField()
    score = models.FloatField()
    price_micros = models.BigIntegerField()
    basis = models.CharField(max_length=12, choices=Basis.choices)
    reasons = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["decision", "position"], name="choice_once_per_position"),
            models.UniqueConstraint(fields=["decision", "creative"], name="choice_once_per_creative"),
            models.CheckConstraint(condition=Q(propensity__gt=0, propensity__lte=1), name="choice_propensity_range"),
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=1), name="choice_score_range"),
            models.CheckConstraint(condition=Q(price_micros__gte=0), name="choice_price_not_negative"),
            models.CheckConstraint(
                condition=Q(campaign__isnull=False) | Q(price_micros=0), name="choice_content_is_free"
            ),
            models.CheckConstraint(condition=Q(basis__in=Basis.values), name="choice_basis_known"),
        ]

    def __str__(self) -> str:
        return f"{self.decision_id} {self.position}"


class Posterior(OperatorRecord):
    """What the log has taught about creatives beyond one ranker's scores; learnt anew, not added to.

    Attributes:
        model: version of the ranker.
        document: ``recsys.exploration.posterior.Posterior``; it names creatives, scenes and categories, nobody else.
        plays, engaged: what it was learnt from.
        until: plays reported later are not in it.
    """

    PREFIX = "pst"

    model = models.CharField(max_length=80)
    document = models.BinaryField()
    plays = models.PositiveBigIntegerField()
    engaged = models.PositiveBigIntegerField()
    until = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "model"], name="posterior_once_per_model"),
            models.CheckConstraint(condition=Q(engaged__lte=F("plays")), name="posterior_engaged_within_plays"),
            models.CheckConstraint(condition=Q(plays__gt=0), name="posterior_of_something"),
        ]

    def __str__(self) -> str:
        return f"{self.model[:12]} after {self.plays} plays"
