"""Move versions from stage to stage: every move is one of ``registry.models.MOVES``, is audited, or changes nothing."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.services import record
from core.epochs import Topic, bump
from registry import files, selectors
from registry.errors import IllegalMove, ModelAwaitsRetrain, NoChampion, NothingToRollBackTo, StageTaken
from registry.models import MOVES, ON_TRIAL, Active, ModelVersion, Outcome, Stage, Trial
from registry.services.erasure import remove_file
from registry.services.locks import lock
from registry.services.proof import proven
from registry.services.trials import close, share_of


@transaction.atomic
def activate(*, operator_id: UUID, version_id: UUID, actor: str) -> ModelVersion:
    """Let a version serve all screens from the next decision on; activating the active one changes nothing.

    Trials end with the champion they were compared with: that of this version as promoted, another one as stopped.

    Raises:
        UnknownModel: this operator has no such version.
        ModelAwaitsRetrain: it learnt from somebody who was erased since.
        ModelFileUnusable: its file is missing, is not the registered one, or cannot be served.
    """
    lock(operator_id)
    version = selectors.get(operator_id=operator_id, version_id=version_id)
    active = Active.objects.filter(operator_id=operator_id).first()
    if active is not None and active.version_id == version_id:
        return version
    return _switch(operator_id, active, version, actor=actor, action="model.activated")


@transaction.atomic
def rollback(*, operator_id: UUID, actor: str) -> ModelVersion:
    """Let the version serve again that served before the active one.

    Raises:
        NothingToRollBackTo: no version served before.
        ModelAwaitsRetrain: the former version learnt from somebody who was erased since.
        ModelFileUnusable: the former version's file is missing, changed or cannot be served.
        IllegalMove: the former version cannot serve from the stage it is in.
    """
    lock(operator_id)
    active = Active.objects.filter(operator_id=operator_id).first()
    if active is None or active.previous_id is None:
        raise NothingToRollBackTo("No model served before this one; activate a version by its id instead.")
    version = selectors.get(operator_id=operator_id, version_id=active.previous_id)
    return _switch(operator_id, active, version, actor=actor, action="model.rolled_back")


def start_shadow(*, operator_id: UUID, version_id: UUID, actor: str, share: float | None = None) -> ModelVersion:
    """Let a version score beside the champion, which alone decides what is shown.

    Args:
        share: of decisions that it scores as well, above 0 and at most 1; None for the operator's policy. For the
            version that is the shadow already this changes the share.

    Raises:
        UnknownModel, ModelAwaitsRetrain, ModelFileUnusable: as for `activate`.
        NoChampion: nothing serves that it could be compared with.
        IllegalMove: it cannot become the shadow from the stage it is in, or it is the champion's very file.
        StageTaken: another version is the shadow.
    """
    return _try(operator_id, version_id, Stage.SHADOW, actor=actor, share=share)


def start_canary(*, operator_id: UUID, version_id: UUID, actor: str, share: float | None = None) -> ModelVersion:
    """Let a version decide at some screens, the champion at all others.

    Args:
        share: of screens, above 0 and at most 1; otherwise as for `start_shadow`, and so are the refusals.
    """
    return _try(operator_id, version_id, Stage.CANARY, actor=actor, share=share)


@transaction.atomic
def retire(*, operator_id: UUID, version_id: UUID, actor: str, reason: str = "") -> ModelVersion:
    """Take a version that does not serve all screens out of use; retiring a retired one changes nothing.

    Raises:
        UnknownModel: this operator has no such version.
        IllegalMove: it is the champion; screens need another one first.
    """
    lock(operator_id)
    version = selectors.get(operator_id=operator_id, version_id=version_id)
    if version.stage == Stage.RETIRED:
        return version
    if version.stage == Stage.CHAMPION:
        raise IllegalMove("The champion serves; activate another version, and this one retires by that.")
    return _retire(version, Outcome.STOPPED, reason, actor=actor, action="model.retired")


@transaction.atomic
def roll_back_canary(
    *, operator_id: UUID, version_id: UUID, reason: str, figures: Mapping[str, Any], actor: str
) -> ModelVersion | None:
    """End a canary that did harm; None when it is none (any more)."""
    lock(operator_id)
    version = ModelVersion.objects.filter(operator_id=operator_id, id=version_id, stage=Stage.CANARY).first()
    if version is None:
        return None
    return _retire(
        version, Outcome.ROLLED_BACK, reason, actor=actor, action="model.canary_rolled_back", figures=figures
    )


@transaction.atomic
def _try(operator_id: UUID, version_id: UUID, stage: Stage, *, actor: str, share: float | None) -> ModelVersion:
    lock(operator_id)
    version = selectors.get(operator_id=operator_id, version_id=version_id)
    policy = selectors.policy(operator_id=operator_id)
    share = share_of(stage, share, policy)
    if version.stage == stage:
        changed = Trial.objects.filter(operator_id=operator_id, version_id=version_id, ended_at=None)
        if changed.exclude(share=share).update(share=share):
            _tell(version, actor, f"model.{stage.value}_share", {"share": share})
        return version
    _check(operator_id, version, stage)
    close(version, outcome=Outcome.PROMOTED, reason=f"It became the {stage.value}.")
    version.stage = stage
    version.save(update_fields=["stage"])
    Trial.objects.create(
        operator_id=operator_id, version_id=version_id, stage=stage, share=share, started_at=timezone.now(),
        started_by=actor,
    )  # fmt: skip
    _tell(version, actor, f"model.{stage.value}", {"share": share})
    return version


def _check(operator_id: UUID, version: ModelVersion, stage: Stage) -> None:
    _refuse_illegal(version, stage)
    champion = ModelVersion.objects.filter(operator_id=operator_id, stage=Stage.CHAMPION).first()
    if champion is None:
        raise NoChampion("Nothing serves yet that it could be compared with; activate it instead.")
    if champion.file_digest == version.file_digest:
        raise IllegalMove("It is the very file of the champion; there would be nothing to compare.")
    other = ModelVersion.objects.filter(operator_id=operator_id, stage=stage).first()
    if other is not None:
        raise StageTaken(f"{other.public_id} is the {stage.value}; promote or retire it first.")
    if version.awaits_retrain_since is not None:
        raise ModelAwaitsRetrain("This model learnt from somebody who was erased since; train a new one instead.")
    proven(files.path_of(version.file_digest), version.file_digest)


def _switch(
    operator_id: UUID, active: Active | None, version: ModelVersion, *, actor: str, action: str
) -> ModelVersion:
    _refuse_illegal(version, Stage.CHAMPION)
    if version.awaits_retrain_since is not None:
        raise ModelAwaitsRetrain("This model learnt from somebody who was erased since; train a new one instead.")
    proven(files.path_of(version.file_digest), version.file_digest)
    _end_trials(operator_id, version, actor)
    previous_id = active.version_id if active else None
    for outgoing in ModelVersion.objects.filter(operator_id=operator_id, stage=Stage.CHAMPION):
        if outgoing.awaits_retrain_since is not None:
            remove_file(outgoing)
    ModelVersion.objects.filter(operator_id=operator_id, stage=Stage.CHAMPION).update(stage=Stage.RETIRED)
    ModelVersion.objects.filter(operator_id=operator_id, id=version.id).update(stage=Stage.CHAMPION)
    Active.objects.update_or_create(
        operator_id=operator_id,
        defaults={
            "version_id": version.id, "previous_id": previous_id, "activated_at": timezone.now(), "activated_by": actor,
        },
    )  # fmt: skip
    version.stage = Stage.CHAMPION
    _tell(version, actor, action, {"previous": ModelVersion(id=previous_id).public_id if previous_id else None})
    return version


def _end_trials(operator_id: UUID, version: ModelVersion, actor: str) -> None:
    close(version, outcome=Outcome.PROMOTED, reason="It became the champion.")
    for other in ModelVersion.objects.filter(operator_id=operator_id, stage__in=ON_TRIAL).exclude(id=version.id):
        reason = "The champion it was compared with was replaced."
        _retire(other, Outcome.STOPPED, reason, actor=actor, action="model.retired")


def _retire(
    version: ModelVersion,
    outcome: Outcome,
    reason: str,
    *,
    actor: str,
    action: str,
    figures: Mapping[str, Any] | None = None,
) -> ModelVersion:
    _refuse_illegal(version, Stage.RETIRED)
    close(version, outcome=outcome, reason=reason, figures=figures)
    version.stage = Stage.RETIRED
    version.save(update_fields=["stage"])
    _tell(version, actor, action, {"reason": reason})
    return version


def _refuse_illegal(version: ModelVersion, to: Stage) -> None:
    if (version.stage, to) not in MOVES:
        raise IllegalMove(f"A version that is {version.stage} cannot become {to.value}; see the model's stage.")


def _tell(version: ModelVersion, actor: str, action: str, detail: Mapping[str, Any]) -> None:
    record(
        operator_id=version.operator_id, actor=actor, action=action, target=version.public_id, detail=detail
    )  # fmt: skip
    bump(operator_id=version.operator_id, topic=Topic.MODELS)
