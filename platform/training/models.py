"""Trainings and what they learnt from."""

from uuid import UUID

from django.db import models
from django.db.models import Q

from core.models import OperatorRecord


class State(models.TextChoices):
    """Where a run stands; the last two are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Trigger(models.TextChoices):
    """Why a run was asked for."""

    NIGHTLY = "nightly"
    DEMAND = "demand", "On demand"
    DEMO = "demo", "Demonstration"
    ERASURE = "erasure"


class Run(OperatorRecord):
    """One training, from the request to a registered model or a reason why there is none.

    Attributes:
        reason_code, reason: why it failed; empty otherwise.
        terms: what it promises about people, ``{"network", "epsilon", "delta"}``; empty for a usual training.
        worker: which process works on it.
        heartbeat_at: when that was last heard of.
        progress: ``{"stage", "done", "of", "message"}`` of the present stage.
        metrics: what the gate measured.
        model_version_id: the registered version.
    """

    PREFIX = "run"

    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    trigger = models.CharField(max_length=12, choices=Trigger.choices)
    requested_by = models.CharField(max_length=80)
    terms = models.JSONField(default=dict)
    reason_code = models.CharField(max_length=40, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    worker = models.CharField(max_length=120, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    progress = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    model_version_id = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "id"], name="run_within_operator"),
            models.UniqueConstraint(
                fields=["operator"], condition=Q(state="running"), name="run_one_at_a_time_per_operator"
            ),
            models.UniqueConstraint(
                fields=["operator"], condition=Q(state="queued"), name="run_one_waits_per_operator"
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="run_state_known"),
            models.CheckConstraint(condition=Q(trigger__in=Trigger.values), name="run_trigger_known"),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(started_at__isnull=False, heartbeat_at__isnull=False),
                name="run_running_has_heartbeat",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["succeeded", "failed"], finished_at__isnull=False)
                | Q(state__in=["queued", "running"], finished_at__isnull=True),
                name="run_final_states_have_an_end",
            ),
            models.CheckConstraint(
                condition=Q(state="failed") & ~Q(reason_code="") & ~Q(reason="")
                | ~Q(state="failed") & Q(reason_code="", reason=""),
                name="run_failed_with_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state="succeeded") | Q(model_version_id__isnull=False), name="run_succeeded_with_a_model"
            ),
        ]
        indexes = [models.Index(fields=["state", "heartbeat_at"], name="run_state_heartbeat")]

    def __str__(self) -> str:
        return f"{self.public_id} ({self.state})"


class Dataset(OperatorRecord):
    """What one run learnt from. The file itself lives as long as the run; this row stays for the model's lineage.

    Attributes:
        sha256: digest of the exported file.
        people: sorted keyed digests, 16 bytes each, of everybody named in it, so that an erasure can tell which models
            learnt from a person without this row naming anybody.
        exported_at: rows later than this are not in it.
    """

    PREFIX = "dts"

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="dataset")
    run_id: UUID
    sha256 = models.CharField(max_length=64)
    rows = models.PositiveBigIntegerField()
    bytes = models.PositiveBigIntegerField()
    people = models.BinaryField()
    consent_snapshot = models.JSONField(default=dict)
    exported_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="dataset_digest_is_sha256"),
        ]

    def __str__(self) -> str:
        return f"{self.rows} rows, {self.sha256[:12]}"


class Severity(models.TextChoices):
    """How much an alert matters."""

    MODERATE = "moderate"
    MAJOR = "major"


class AlertKind(models.TextChoices):
    """What an alert is about."""

    FEATURE = "feature", "Feature drift"
    MISSING = "missing", "Missing feature"
    UNSEEN = "unseen", "Unseen creatives"
    EMBEDDING = "embedding", "Embedding drift"
    CALIBRATION = "calibration", "Calibration drift"


class Alert(OperatorRecord):
    """Something about the champion's data or forecasts that is not as it was when the champion learnt.

    Attributes:
        subject: the feature's name; empty where it is about the model as a whole.
        value, threshold, sentence: as measured last.
        version_id: the champion it was measured for.
        resolved_at: when it was no longer found, or another model served.
    """

    PREFIX = "alr"

    kind = models.CharField(max_length=16, choices=AlertKind.choices)
    subject = models.CharField(max_length=40, blank=True, default="")
    severity = models.CharField(max_length=12, choices=Severity.choices)
    value = models.FloatField()
    threshold = models.FloatField()
    sentence = models.TextField()
    version_id = models.UUIDField()
    raised_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "kind", "subject"], condition=Q(resolved_at=None), name="alert_open_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=AlertKind.values), name="alert_kind_known"),
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="alert_severity_known"),
            models.CheckConstraint(condition=Q(seen_at__gte=models.F("raised_at")), name="alert_seen_after_raised"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} ({self.severity})"
