"""Versions of the ranking model, and which of them serves."""

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from core.models import OperatorRecord
from registry.terms import Route

DIGEST = r"^[0-9a-f]{64}$"


class Kind(models.TextChoices):
    """The architecture of a model."""

    LOGISTIC = "logistic", "Logistic regression"
    FM = "fm", "Factorisation machine"
    DEEPFM = "deepfm", "DeepFM"
    FWFM = "fwfm", "Field-weighted factorisation machine"
    DCN = "dcn", "Deep & Cross Network v2"
    DIN = "din", "Deep Interest Network"
    DOTDIN = "dotdin", "DIN with dot-product attention"
    BST = "bst", "Behaviour Sequence Transformer"
    SASREC = "sasrec", "SASRec"
    GRU = "gru", "Recurrent behaviour model"
    MMOE = "mmoe", "Multi-gate mixture of experts"
    PLE = "ple", "Progressive layered extraction"


class Stage(models.TextChoices):
    """Where a version stands."""

    CANDIDATE = "candidate"
    SHADOW = "shadow"
    CANARY = "canary"
    CHAMPION = "champion"
    RETIRED = "retired"


MOVES = frozenset({
    (Stage.CANDIDATE, Stage.SHADOW), (Stage.CANDIDATE, Stage.CANARY), (Stage.CANDIDATE, Stage.CHAMPION),
    (Stage.CANDIDATE, Stage.RETIRED), (Stage.SHADOW, Stage.CANARY), (Stage.SHADOW, Stage.CHAMPION),
    (Stage.SHADOW, Stage.RETIRED), (Stage.CANARY, Stage.CHAMPION), (Stage.CANARY, Stage.RETIRED),
    (Stage.CHAMPION, Stage.RETIRED), (Stage.RETIRED, Stage.SHADOW), (Stage.RETIRED, Stage.CANARY),
    (Stage.RETIRED, Stage.CHAMPION),
})  # fmt: skip
"""The moves between stages that exist; a trigger in the migration refuses every other one."""

ON_TRIAL = (Stage.SHADOW, Stage.CANARY)
"""Stages in which a version is watched beside the champion; one version each."""


class Outcome(models.TextChoices):
    """How a trial ended."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back", "rolled back"
    STOPPED = "stopped"


class ModelVersion(OperatorRecord):
    """One trained model: its file, what it learnt from and how good it was on later rows.

    Attributes:
        parent: the champion it was measured against, None for the first.
        verdict: why it may serve, or why not.
        gates: each gate of the verdict with what was measured and demanded (``training.gate``).
        configuration: SHA-256 over what decided about the networks and their training, beside data and seed.
        libraries: versions of what it was trained with.
        reference: how the data looked that it learnt from, as counts (``training.drift``); names nobody.
        awaits_retrain_since: when somebody it had learnt from was erased. It may serve until a retraining replaces it
            and is never activated again; its file goes as soon as it does not serve.
    """

    PREFIX = "mdl"

    run_id = models.UUIDField(null=True, blank=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    stage = models.CharField(max_length=16, choices=Stage.choices, default=Stage.CANDIDATE)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    parent_id: UUID | None
    verdict = models.TextField(blank=True)
    gates = models.JSONField(default=list)
    metrics = models.JSONField(default=dict)
    spec_digest = models.CharField(max_length=64)
    data_digest = models.CharField(max_length=64)
    file_digest = models.CharField(max_length=64)
    bytes = models.BigIntegerField()
    consent_snapshot = models.JSONField(default=dict)
    code_version = models.CharField(max_length=80)
    configuration = models.CharField(max_length=64, blank=True, default="")
    libraries = models.JSONField(default=dict)
    reference = models.JSONField(default=dict)
    seed = models.BigIntegerField()
    trained_at = models.DateTimeField()
    awaits_retrain_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator"], condition=Q(stage="champion"), name="model_one_champion_per_operator"
            ),
            models.UniqueConstraint(
                fields=["operator"], condition=Q(stage="shadow"), name="model_one_shadow_per_operator"
            ),
            models.UniqueConstraint(
                fields=["operator"], condition=Q(stage="canary"), name="model_one_canary_per_operator"
            ),
            models.UniqueConstraint(fields=["operator", "id"], name="model_within_operator"),
            models.UniqueConstraint(fields=["operator", "run_id"], name="model_once_per_run"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="model_kind_known"),
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="model_stage_known"),
            models.CheckConstraint(condition=Q(bytes__gt=0), name="model_file_not_empty"),
            models.CheckConstraint(
                condition=Q(spec_digest__regex=DIGEST) & Q(data_digest__regex=DIGEST) & Q(file_digest__regex=DIGEST),
                name="model_digests_are_sha256",
            ),
            models.CheckConstraint(
                condition=Q(configuration="") | Q(configuration__regex=DIGEST), name="model_configuration_is_sha256"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} ({self.kind}, {self.stage})"


class Active(OperatorRecord):
    """The one row that says which version serves; ``previous`` is where a rollback goes.

    Foreign keys over (operator, version) in the migration refuse a version of another operator.
    """

    PREFIX = "act"

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    version_id: UUID
    previous = models.ForeignKey(ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    previous_id: UUID | None
    activated_at = models.DateTimeField()
    activated_by = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator"], name="active_once_per_operator"),
            models.CheckConstraint(
                condition=Q(previous__isnull=True) | ~Q(previous=F("version")), name="active_previous_is_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operator_id} serves {self.version_id}"


class Trial(OperatorRecord):
    """A time in which a version was watched beside the champion; the open ones are the present shadow and canary.

    Attributes:
        share: of screens that a canary serves, of decisions that a shadow scores; above 0, at most 1.
        figures: what was measured last; ``checked_at`` says when.
        ready_at: when it had passed for long enough to be promoted.
        reason: why it ended.
    """

    PREFIX = "trl"

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="trials")
    version_id: UUID
    stage = models.CharField(max_length=16, choices=[(stage.value, stage.label) for stage in ON_TRIAL])
    share = models.FloatField()
    started_at = models.DateTimeField()
    started_by = models.CharField(max_length=80)
    figures = models.JSONField(default=dict)
    checked_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True, default="")
    reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "stage"], condition=Q(ended_at=None), name="trial_one_open_per_stage"
            ),
            models.CheckConstraint(condition=Q(stage__in=ON_TRIAL), name="trial_stage_known"),
            models.CheckConstraint(condition=Q(share__gt=0, share__lte=1), name="trial_share_range"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, outcome="") | Q(ended_at__isnull=False, outcome__in=Outcome.values),
                name="trial_ends_with_an_outcome",
            ),
        ]
        indexes = [models.Index(fields=["version", "-started_at"], name="trial_of_version")]

    def __str__(self) -> str:
        return f"{self.version_id} as {self.stage}"


class Observation(OperatorRecord):
    """What one ranker did about one decision while a trial was under way; it names nobody and goes after a month.

    Attributes:
        decision_id: of the log; no foreign key, since an observation may be written before its decision is seen.
        stage: as what the ranker took part: champion, canary or shadow.
        model: SHA-256 of its file.
        took_us: microseconds of scoring.
        failed: whether it could not score.
        scores: a shadow's scores of what was shown, best place first; empty for who decided, whose scores are logged.
        agreement: a shadow's rank correlation with who decided, over all candidates, -1 to 1; None below two.
        same_first: whether a shadow found the same candidate best.
    """

    PREFIX = "obs"

    decision_id = models.UUIDField()
    stage = models.CharField(max_length=16, choices=Stage.choices)
    model = models.CharField(max_length=64)
    at = models.DateTimeField()
    took_us = models.PositiveIntegerField()
    failed = models.BooleanField(default=False)
    scores = ArrayField(models.FloatField(), default=list)
    agreement = models.FloatField(null=True)
    same_first = models.BooleanField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "decision_id", "stage"], name="observation_once_per_decision"),
            models.CheckConstraint(condition=Q(stage__in=[Stage.CHAMPION, *ON_TRIAL]), name="observation_stage_known"),
            models.CheckConstraint(
                condition=Q(agreement__isnull=True) | Q(agreement__gte=-1, agreement__lte=1),
                name="observation_agreement_range",
            ),
        ]
        indexes = [models.Index(fields=["operator", "model", "at"], name="observation_of_model")]

    def __str__(self) -> str:
        return f"{self.decision_id} by the {self.stage}"


class PromotionPolicy(OperatorRecord):
    """How an operator's models come to serve; an operator without a row has the defaults.

    Attributes:
        automatic: whether a trial that passed for long enough promotes its version by itself.
        shadow_hours, canary_hours, trial_decisions: what "long enough" means: hours and decisions of the trial.
        gates, guardrails: terms that differ from the defaults (``registry.terms``).
    """

    PREFIX = "pol"

    route = models.CharField(max_length=16, choices=Route.choices, default=Route.DIRECT)
    automatic = models.BooleanField(default=False)
    shadow_share = models.FloatField(default=0.25)
    canary_share = models.FloatField(default=0.1)
    shadow_hours = models.PositiveIntegerField(default=24)
    canary_hours = models.PositiveIntegerField(default=24)
    trial_decisions = models.PositiveIntegerField(default=500)
    gates = models.JSONField(default=dict)
    guardrails = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator"], name="promotion_policy_once_per_operator"),
            models.CheckConstraint(condition=Q(route__in=Route.values), name="promotion_policy_route_known"),
            models.CheckConstraint(
                condition=Q(shadow_share__gt=0, shadow_share__lte=1, canary_share__gt=0, canary_share__lte=1),
                name="promotion_policy_shares_range",
            ),
            models.CheckConstraint(condition=Q(trial_decisions__gt=0), name="promotion_policy_decisions_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.operator_id} promotes {self.get_route_display()}"
