"""Every move between the stages, and every one that is refused with nothing changed."""

from collections.abc import Callable
from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Operator
from audit.selectors import latest
from core.epochs import Topic, versions
from registry import selectors
from registry.errors import (
    IllegalMove,
    ModelAwaitsRetrain,
    ModelFileUnusable,
    NoChampion,
    StageTaken,
    UnusableTerms,
)
from registry.files import path_of
from registry.models import MOVES, ModelVersion, Outcome, Stage, Trial
from registry.services import (
    activate,
    await_retrain,
    note_figures,
    retire,
    roll_back_canary,
    rollback,
    start_canary,
    start_shadow,
)

pytestmark = pytest.mark.django_db
Train = Callable[..., ModelVersion]
WHO = "member:one"


@pytest.fixture
def champion(operator: Operator, trained: Train) -> ModelVersion:
    return activate(operator_id=operator.id, version_id=trained(0.1).id, actor=WHO)


def stage_of(version: ModelVersion) -> str:
    return ModelVersion.objects.get(id=version.id).stage


def state(operator: Operator) -> tuple[object, ...]:
    """Everything a refusal must leave as it was."""
    return (
        list(ModelVersion.objects.order_by("id").values_list("id", "stage")),
        list(Trial.objects.order_by("id").values_list("id", "stage", "share", "ended_at", "outcome")),
        selectors.active_version(operator_id=operator.id),
        versions(operator_id=operator.id),
        latest(operator_id=operator.id, limit=1)[0].number,
    )


def test_a_version_goes_all_the_way_and_every_step_is_audited(
    operator: Operator, champion: ModelVersion, trained: Train
) -> None:
    version = trained(0.2)
    seen = [stage_of(version)]
    for step in (start_shadow, start_canary, activate):
        step(operator_id=operator.id, version_id=version.id, actor=WHO)
        seen.append(stage_of(version))
    rollback(operator_id=operator.id, actor=WHO)
    seen.append(stage_of(version))

    assert seen == ["candidate", "shadow", "canary", "champion", "retired"]
    assert [entry.action for entry in latest(operator_id=operator.id, limit=4)][::-1] == [
        "model.shadow", "model.canary", "model.activated", "model.rolled_back",
    ]  # fmt: skip
    trials = Trial.objects.filter(version_id=version.id).order_by("started_at")
    assert [(trial.stage, trial.outcome, trial.share) for trial in trials] == [
        ("shadow", "promoted", 0.25), ("canary", "promoted", 0.1),
    ]  # fmt: skip


@pytest.mark.parametrize("stage", ["shadow", "canary"])
def test_the_lineup_names_what_is_tried_in_one_query(
    operator: Operator,
    champion: ModelVersion,
    trained: Train,
    stage: str,
    django_assert_num_queries: Callable[[int], object],
) -> None:
    version = trained(0.2)
    {"shadow": start_shadow, "canary": start_canary}[stage](
        operator_id=operator.id, version_id=version.id, actor=WHO, share=0.5
    )

    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        lineup = selectors.lineup(operator_id=operator.id)

    assert lineup.champion == champion.file_digest
    assert getattr(lineup, stage) == selectors.OnTrial(version.id, version.file_digest, 0.5)


@pytest.mark.parametrize("start", [start_shadow, start_canary])
def test_one_place_each_beside_the_champion(
    operator: Operator, champion: ModelVersion, trained: Train, start: Callable[..., ModelVersion]
) -> None:
    first, second = trained(0.2), trained(0.3)
    start(operator_id=operator.id, version_id=first.id, actor=WHO)
    before = state(operator)

    with pytest.raises(StageTaken, match=first.public_id):
        start(operator_id=operator.id, version_id=second.id, actor=WHO)

    assert state(operator) == before


@pytest.mark.parametrize("start", [start_shadow, start_canary])
def test_nothing_is_tried_before_something_serves(
    operator: Operator, trained: Train, start: Callable[..., ModelVersion]
) -> None:
    version = trained(0.2)

    with pytest.raises(NoChampion):
        start(operator_id=operator.id, version_id=version.id, actor=WHO)

    assert stage_of(version) == "candidate"
    assert not Trial.objects.exists()


def test_moves_that_do_not_exist_are_refused_and_change_nothing(
    operator: Operator, champion: ModelVersion, trained: Train
) -> None:
    canary = start_canary(operator_id=operator.id, version_id=trained(0.2).id, actor=WHO)
    before = state(operator)

    for move, version in [(start_shadow, canary), (start_shadow, champion), (start_canary, champion)]:
        with pytest.raises(IllegalMove):
            move(operator_id=operator.id, version_id=version.id, actor=WHO)
    with pytest.raises(IllegalMove, match="activate another version"):
        retire(operator_id=operator.id, version_id=champion.id, actor=WHO)

    assert state(operator) == before


def test_the_champions_own_file_is_not_compared_with_itself(
    operator: Operator, champion: ModelVersion, trained: Train
) -> None:
    with pytest.raises(IllegalMove, match="very file"):
        start_canary(operator_id=operator.id, version_id=trained(0.1).id, actor=WHO)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(
    operator: Operator, champion: ModelVersion, trained: Train, share: float
) -> None:
    version = trained(0.2)

    with pytest.raises(UnusableTerms):
        start_canary(operator_id=operator.id, version_id=version.id, actor=WHO, share=share)

    assert stage_of(version) == "candidate"


def test_the_share_of_a_canary_can_be_changed_while_it_lasts(
    operator: Operator, champion: ModelVersion, trained: Train
) -> None:
    version = start_canary(operator_id=operator.id, version_id=trained(0.2).id, actor=WHO, share=0.1)
    epoch = versions(operator_id=operator.id)[Topic.MODELS]

    for _ in range(2):
        start_canary(operator_id=operator.id, version_id=version.id, actor=WHO, share=0.4)

    assert Trial.objects.get().share == 0.4
    assert versions(operator_id=operator.id)[Topic.MODELS] == epoch + 1
    assert [entry.action for entry in latest(operator_id=operator.id, limit=2)][::-1] == [
        "model.canary", "model.canary_share",
    ]  # fmt: skip


def test_a_version_without_its_file_is_not_tried(operator: Operator, champion: ModelVersion, trained: Train) -> None:
    version = trained(0.2)
    path_of(version.file_digest).unlink()
    before = state(operator)

    with pytest.raises(ModelFileUnusable):
        start_canary(operator_id=operator.id, version_id=version.id, actor=WHO)

    assert state(operator) == before


def test_a_canary_is_rolled_back_with_its_reason_and_only_once(
    operator: Operator, champion: ModelVersion, trained: Train
) -> None:
    version = start_canary(operator_id=operator.id, version_id=trained(0.2).id, actor=WHO)
    told = {"reason": "It fails.", "figures": {"guards": []}, "actor": "system:watch"}

    ended = roll_back_canary(operator_id=operator.id, version_id=version.id, **told)
    again = roll_back_canary(operator_id=operator.id, version_id=version.id, **told)

    assert ended is not None
    assert again is None
    trial = Trial.objects.get()
    assert (trial.outcome, trial.reason, trial.figures) == (Outcome.ROLLED_BACK, "It fails.", {"guards": []})
    assert stage_of(version) == "retired"
    entry = latest(operator_id=operator.id, limit=1)[0]
    assert (entry.action, entry.actor, entry.detail) == (
        "model.canary_rolled_back", "system:watch", {"reason": "It fails."},
    )  # fmt: skip
    assert selectors.lineup(operator_id=operator.id).canary is None
    assert stage_of(champion) == "champion"


def test_a_new_champion_ends_the_trials_against_the_former_one(
    operator: Operator, champion: ModelVersion, trained: Train
) -> None:
    shadow = start_shadow(operator_id=operator.id, version_id=trained(0.2).id, actor=WHO)
    canary = start_canary(operator_id=operator.id, version_id=trained(0.3).id, actor=WHO)

    activate(operator_id=operator.id, version_id=trained(0.4).id, actor=WHO)

    assert [stage_of(version) for version in (champion, shadow, canary)] == ["retired"] * 3
    assert set(Trial.objects.values_list("outcome", flat=True)) == {"stopped"}
    assert selectors.open_trials(operator_id=operator.id) == []


def test_a_trial_is_ready_once_and_that_is_audited(operator: Operator, champion: ModelVersion, trained: Train) -> None:
    start_shadow(operator_id=operator.id, version_id=trained(0.2).id, actor=WHO)
    [trial] = selectors.open_trials(operator_id=operator.id)
    first, second = timezone.now(), timezone.now()

    for at, ready in ((first, True), (second, True)):
        note_figures(operator_id=operator.id, trial_id=trial.id, figures={"decisions": 9}, ready=ready, at=at)

    trial.refresh_from_db()
    assert (trial.ready_at, trial.checked_at, trial.figures) == (first, second, {"decisions": 9})
    assert [entry.action for entry in latest(operator_id=operator.id, limit=2)] == [
        "model.shadow_ready",
        "model.shadow",
    ]
    retire(operator_id=operator.id, version_id=trial.version_id, actor=WHO)
    assert note_figures(operator_id=operator.id, trial_id=trial.id, figures={}, ready=True, at=first) is None


def test_a_canary_that_learnt_from_somebody_erased_stops_at_once(
    operator: Operator, champion: ModelVersion, trained: Train
) -> None:
    version = start_canary(operator_id=operator.id, version_id=trained(0.2).id, actor=WHO)
    epoch = versions(operator_id=operator.id)[Topic.MODELS]

    counts = await_retrain(operator_id=operator.id, version_ids=[version.id], at=timezone.now())

    assert counts == {"models_removed": 1, "models_awaiting_retrain": 0}
    assert stage_of(version) == "retired"
    assert Trial.objects.get().outcome == "stopped"
    assert versions(operator_id=operator.id)[Topic.MODELS] == epoch + 1
    with pytest.raises(ModelAwaitsRetrain):
        start_shadow(operator_id=operator.id, version_id=version.id, actor=WHO)


@pytest.mark.parametrize(("start", "end"), list(product(Stage, Stage)))
def test_the_database_knows_the_same_moves_as_the_code(trained: Train, start: Stage, end: Stage) -> None:
    version = trained(0.2)
    path = {
        Stage.CANDIDATE: [], Stage.SHADOW: [Stage.SHADOW], Stage.CANARY: [Stage.CANARY],
        Stage.CHAMPION: [Stage.CHAMPION], Stage.RETIRED: [Stage.RETIRED],
    }  # fmt: skip
    for stage in path[start]:
        ModelVersion.objects.filter(id=version.id).update(stage=stage)

    if start == end or (start, end) in MOVES:
        ModelVersion.objects.filter(id=version.id).update(stage=end)
    else:
        with pytest.raises(IntegrityError, match="model_moves_legally"), transaction.atomic():
            ModelVersion.objects.filter(id=version.id).update(stage=end)


def test_the_database_refuses_a_second_shadow_and_a_trial_without_end(
    operator: Operator, champion: ModelVersion, trained: Train
) -> None:
    start_shadow(operator_id=operator.id, version_id=trained(0.2).id, actor=WHO)
    other = trained(0.3)

    with pytest.raises(IntegrityError, match="model_one_shadow_per_operator"), transaction.atomic():
        ModelVersion.objects.filter(id=other.id).update(stage=Stage.SHADOW)
    with pytest.raises(IntegrityError, match="trial_ends_with_an_outcome"), transaction.atomic():
        Trial.objects.update(outcome=Outcome.PROMOTED)
    with pytest.raises(IntegrityError, match="trial_share_range"), transaction.atomic():
        Trial.objects.update(share=0)
