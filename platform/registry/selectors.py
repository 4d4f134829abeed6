"""Read model versions, who serves, and on what terms models are promoted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import FilteredRelation, Prefetch, Q

from core.tenancy import platform_scope
from registry import terms
from registry.errors import UnknownModel
from registry.models import ON_TRIAL, Active, Kind, ModelVersion, PromotionPolicy, Stage, Trial
from registry.terms import Gates, Guardrails, Route


@dataclass(frozen=True, slots=True)
class ActiveVersion:
    """The version that serves.

    Attributes:
        file_digest: SHA-256 of its file.
        previous_id: where a rollback would go.
        awaits_retrain: whether it learnt from somebody who was erased since.
    """

    version_id: UUID
    kind: str
    file_digest: str
    previous_id: UUID | None
    activated_at: datetime
    activated_by: str
    awaits_retrain: bool

    @property
    def name(self) -> str:
        """Name the kind as people read it."""
        return Kind(self.kind).label


@dataclass(frozen=True, slots=True)
class OnTrial:
    """A version that is watched beside the champion.

    Attributes:
        share: of screens (canary) or of decisions (shadow).
    """

    version_id: UUID
    file_digest: str
    share: float


@dataclass(frozen=True, slots=True)
class Lineup:
    """Whose files the processes need: SHA-256 of the champion's, None before the first activation."""

    champion: str | None = None
    canary: OnTrial | None = None
    shadow: OnTrial | None = None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A trial under way, as those who watch it need it; see ``registry.models.Trial``."""

    id: UUID
    version_id: UUID
    file_digest: str
    stage: str
    share: float
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Policy:
    """How an operator's models come to serve; see ``registry.models.PromotionPolicy``."""

    route: str = Route.DIRECT.value
    automatic: bool = False
    shadow_share: float = 0.25
    canary_share: float = 0.1
    shadow_hours: int = 24
    canary_hours: int = 24
    trial_decisions: int = 500
    gates: Gates = field(default_factory=Gates)
    guardrails: Guardrails = field(default_factory=Guardrails)

    def document(self) -> dict[str, Any]:
        """Return the policy as JSON."""
        return {
            "route": self.route, "automatic": self.automatic, "shadow_share": self.shadow_share,
            "canary_share": self.canary_share, "shadow_hours": self.shadow_hours, "canary_hours": self.canary_hours,
            "trial_decisions": self.trial_decisions, "gates": terms.document(self.gates),
            "guardrails": terms.document(self.guardrails),
        }  # fmt: skip


def active_version(*, operator_id: UUID) -> ActiveVersion | None:
    """Return which version serves, None before the first activation (one query)."""
    row = Active.objects.select_related("version").filter(operator_id=operator_id).first()
    if row is None:
        return None
    version = row.version
    return ActiveVersion(
        row.version_id, version.kind, version.file_digest, row.previous_id, row.activated_at, row.activated_by,
        version.awaits_retrain_since is not None,
    )  # fmt: skip


def lineup(*, operator_id: UUID) -> Lineup:
    """Return whose files serve, decide at some screens, and score beside (one query)."""
    rows = (
        ModelVersion.objects.filter(operator_id=operator_id, stage__in=[Stage.CHAMPION, *ON_TRIAL])
        .annotate(present=FilteredRelation("trials", condition=Q(trials__ended_at=None)))
        .values_list("stage", "id", "file_digest", "present__share")
    )
    found = {stage: (version_id, digest, share) for stage, version_id, digest, share in rows}
    champion = found.get(Stage.CHAMPION)
    return Lineup(
        champion=champion[1] if champion else None,
        **{stage.value: OnTrial(*found[stage]) for stage in ON_TRIAL if stage in found and found[stage][2]},
    )


def get(*, operator_id: UUID, version_id: UUID) -> ModelVersion:
    """Return one version.

    Raises:
        UnknownModel: this operator has no such version.
    """
    version = ModelVersion.objects.filter(operator_id=operator_id, id=version_id).first()
    if version is None:
        raise UnknownModel("This operator has no such model; GET /v1/models lists them.")
    return version


def versions(*, operator_id: UUID, before: UUID | None = None, limit: int = 50) -> list[ModelVersion]:
    """Return versions with their trials, newest first; ``before`` continues behind that id (two queries)."""
    rows = ModelVersion.objects.filter(operator_id=operator_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    trials = Prefetch("trials", queryset=Trial.objects.order_by("-started_at"))
    return list(rows.prefetch_related(trials).order_by("-id")[:limit])


def latest_trial(version: ModelVersion) -> Trial | None:
    """Return the last trial of a version, None when it was never watched; no query for one of `versions`."""
    return max(version.trials.all(), key=lambda trial: trial.started_at, default=None)


def open_trials(*, operator_id: UUID) -> list[Trial]:
    """Return the trials under way with their versions (one query)."""
    return list(Trial.objects.select_related("version").filter(operator_id=operator_id, ended_at=None))


def under_way(*, operator_id: UUID) -> list[UnderWay]:
    """Return the trials under way (one query)."""
    return [
        UnderWay(trial.id, trial.version_id, trial.version.file_digest, trial.stage, trial.share, trial.started_at)
        for trial in open_trials(operator_id=operator_id)
    ]


def policy(*, operator_id: UUID) -> Policy:
    """Return how an operator's models come to serve; the defaults where nothing was said (one query)."""
    row = PromotionPolicy.objects.filter(operator_id=operator_id).first()
    if row is None:
        return Policy()
    return Policy(
        row.route, row.automatic, row.shadow_share, row.canary_share, row.shadow_hours, row.canary_hours,
        row.trial_decisions, terms.changed(Gates(), _known(row.gates, Gates())),
        terms.changed(Guardrails(), _known(row.guardrails, Guardrails())),
    )  # fmt: skip


def watched_operators() -> list[UUID]:
    """Return the operators that have a champion: there is something to watch."""
    with platform_scope():
        return list(Active.objects.values_list("operator_id", flat=True))


def _known(stored: Mapping[str, Any], defaults: Gates | Guardrails) -> dict[str, Any]:
    """Leave out terms that an older version of the code knew."""
    return {name: value for name, value in stored.items() if name in terms.document(defaults)}
