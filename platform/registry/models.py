"""Versions of the ranking model, and which of them serves."""

from uuid import UUID

from django.db import models
from django.db.models import F, Q

from core.models import OperatorRecord

DIGEST = r"^[0-9a-f]{64}$"


class Kind(models.TextChoices):
    """The architecture of a model."""

    DIN = "din", "Deep Interest Network"
    DEEPFM = "deepfm", "DeepFM"


class Stage(models.TextChoices):
    """Where a version stands."""

    CANDIDATE = "candidate"
    CHAMPION = "champion"
    RETIRED = "retired"


class ModelVersion(OperatorRecord):
    """One trained model: its file, what it learnt from and how good it was on later rows.

    Attributes:
        verdict: why it may serve, or why not.
        awaits_retrain_since: when somebody it had learnt from was erased. It may serve until a retraining replaces it
            and is never activated again; its file goes as soon as it does not serve.
    """

    PREFIX = "mdl"

    run_id = models.UUIDField(null=True, blank=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    stage = models.CharField(max_length=16, choices=Stage.choices, default=Stage.CANDIDATE)
    verdict = models.TextField(blank=True)
    metrics = models.JSONField(default=dict)
    spec_digest = models.CharField(max_length=64)
    data_digest = models.CharField(max_length=64)
    file_digest = models.CharField(max_length=64)
    bytes = models.BigIntegerField()
    consent_snapshot = models.JSONField(default=dict)
    code_version = models.CharField(max_length=80)
    seed = models.BigIntegerField()
    trained_at = models.DateTimeField()
    awaits_retrain_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator"], condition=Q(stage="champion"), name="model_one_champion_per_operator"
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
