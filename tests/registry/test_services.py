from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import Operator
from audit.selectors import latest
from core.epochs import Topic, versions
from core.ids import new_id
from core.tenancy import operator_scope
from registry.errors import ModelAwaitsRetrain, ModelFileUnusable, NothingToRollBackTo, UnknownModel
from registry.files import path_of
from registry.models import Active, ModelVersion, Stage
from registry.selectors import active_version
from registry.services import activate, await_retrain, register, rollback

pytestmark = pytest.mark.django_db
Train = Callable[..., ModelVersion]


def stages(operator: Operator) -> list[str]:
    return list(ModelVersion.objects.filter(operator_id=operator.id).order_by("id").values_list("stage", flat=True))


def test_a_registered_model_is_a_candidate_with_its_lineage(trained: Train) -> None:
    version = trained(0.25)

    version.refresh_from_db()
    assert version.stage == Stage.CANDIDATE
    assert version.kind == "deepfm"
    assert version.metrics == {"auc": 0.7}
    assert version.consent_snapshot == {"learn": 3}
    assert version.trained_at.isoformat() == "2026-11-22T02:30:00+00:00"
    assert path_of(version.file_digest).stat().st_size == version.bytes


def test_a_file_that_cannot_be_served_is_not_registered(operator: Operator, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model at all")

    with pytest.raises(ModelFileUnusable, match="cannot be served"):
        register(operator_id=operator.id, source=broken, seed=1, code_version="x", actor="system:test")

    assert not ModelVersion.objects.exists()
    assert not path_of("x").parent.exists()


def test_a_model_of_other_features_is_not_registered(operator: Operator, model_file: Callable[..., Path]) -> None:
    source = model_file(0.5, spec="0" * 64)

    with pytest.raises(ModelFileUnusable, match="features"):
        register(operator_id=operator.id, source=source, seed=1, code_version="x", actor="system:test")

    assert not ModelVersion.objects.exists()


def test_activation_moves_one_row_and_tells_every_process(operator: Operator, trained: Train) -> None:
    first, second = trained(0.25), trained(0.5)

    activate(operator_id=operator.id, version_id=first.id, actor="member:one")
    activate(operator_id=operator.id, version_id=second.id, actor="member:two")

    active = Active.objects.get()
    assert (active.version_id, active.previous_id, active.activated_by) == (second.id, first.id, "member:two")
    assert stages(operator) == ["retired", "champion"]
    assert versions(operator_id=operator.id)[Topic.MODELS] == 2
    assert [entry.action for entry in latest(operator_id=operator.id, limit=2)] == ["model.activated"] * 2


def test_activating_the_active_version_changes_nothing(operator: Operator, trained: Train) -> None:
    version = trained()
    activate(operator_id=operator.id, version_id=version.id, actor="member:one")

    activate(operator_id=operator.id, version_id=version.id, actor="member:two")

    assert Active.objects.get().activated_by == "member:one"
    assert versions(operator_id=operator.id)[Topic.MODELS] == 1


def test_rollback_activates_the_previous_version(operator: Operator, trained: Train) -> None:
    first, second = trained(0.25), trained(0.5)
    activate(operator_id=operator.id, version_id=first.id, actor="member:one")
    activate(operator_id=operator.id, version_id=second.id, actor="member:one")

    rolled = rollback(operator_id=operator.id, actor="member:two")

    assert rolled.id == first.id
    assert stages(operator) == ["champion", "retired"]
    assert Active.objects.get().previous_id == second.id
    assert latest(operator_id=operator.id, limit=1)[0].action == "model.rolled_back"
    assert versions(operator_id=operator.id)[Topic.MODELS] == 3


@pytest.mark.parametrize("activations", [0, 1])
def test_rollback_without_a_previous_version_is_refused(operator: Operator, trained: Train, activations: int) -> None:
    for _ in range(activations):
        activate(operator_id=operator.id, version_id=trained().id, actor="member:one")

    with pytest.raises(NothingToRollBackTo):
        rollback(operator_id=operator.id, actor="member:one")

    assert versions(operator_id=operator.id).get(Topic.MODELS, 0) == activations


def damage_by_removal(path: Path) -> None:
    path.unlink()


def damage_by_exchange(path: Path) -> None:
    path.write_bytes(b"another file")


@pytest.mark.parametrize("damage", [damage_by_removal, damage_by_exchange])
def test_a_version_without_its_file_is_refused_and_nothing_changes(
    operator: Operator, trained: Train, damage: Callable[[Path], None]
) -> None:
    champion, challenger = trained(0.25), trained(0.5)
    activate(operator_id=operator.id, version_id=champion.id, actor="member:one")
    damage(path_of(challenger.file_digest))

    with pytest.raises(ModelFileUnusable):
        activate(operator_id=operator.id, version_id=challenger.id, actor="member:one")

    active = active_version(operator_id=operator.id)
    assert active is not None
    assert active.version_id == champion.id
    assert stages(operator) == ["champion", "candidate"]
    assert versions(operator_id=operator.id)[Topic.MODELS] == 1


def test_another_operators_version_does_not_exist(operator: Operator, other_operator: Operator, trained: Train) -> None:
    with operator_scope(other_operator.id):
        theirs = trained(operator_id=other_operator.id)

    with pytest.raises(UnknownModel):
        activate(operator_id=operator.id, version_id=theirs.id, actor="member:one")

    assert not Active.objects.exists()


def test_the_database_refuses_a_second_champion(operator: Operator, trained: Train) -> None:
    activate(operator_id=operator.id, version_id=trained(0.25).id, actor="member:one")
    challenger = trained(0.5)

    with pytest.raises(IntegrityError, match="model_one_champion_per_operator"), transaction.atomic():
        ModelVersion.objects.filter(id=challenger.id).update(stage=Stage.CHAMPION)


def test_the_database_refuses_to_serve_another_operators_version(
    operator: Operator, other_operator: Operator, trained: Train
) -> None:
    with operator_scope(other_operator.id):
        theirs = trained(operator_id=other_operator.id)

    with pytest.raises(IntegrityError, match="active_version_within_operator"), transaction.atomic():
        Active.objects.create(
            operator_id=operator.id, version_id=theirs.id, activated_at=timezone.now(), activated_by="member:one"
        )


def test_the_database_refuses_a_digest_that_is_none(trained: Train) -> None:
    version = trained()

    with pytest.raises(IntegrityError, match="model_digests_are_sha256"), transaction.atomic():
        ModelVersion.objects.filter(id=version.id).update(file_digest="F" * 64)


def test_an_unknown_version_is_refused(operator: Operator) -> None:
    with pytest.raises(UnknownModel):
        activate(operator_id=operator.id, version_id=new_id(), actor="member:one")


def test_only_one_row_of_an_operator_can_name_the_active_version(operator: Operator, trained: Train) -> None:
    version = trained()
    activate(operator_id=operator.id, version_id=version.id, actor="member:one")

    with pytest.raises(IntegrityError, match="active_once_per_operator"), transaction.atomic():
        Active.objects.create(
            operator_id=operator.id, version_id=version.id, activated_at=timezone.now(), activated_by="member:one"
        )

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM registry_active")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_versions_that_learnt_from_somebody_erased_lose_their_files_unless_they_serve(
    committed: Operator, model_file: Callable[..., Path]
) -> None:
    def add(probability: float) -> ModelVersion:
        return register(
            operator_id=committed.id, source=model_file(probability), seed=1, code_version="x", actor="system:test"
        )

    at = timezone.now()
    with operator_scope(committed.id):
        former, champion, innocent = add(0.25), add(0.5), add(0.75)
        activate(operator_id=committed.id, version_id=former.id, actor="member:one")
        activate(operator_id=committed.id, version_id=champion.id, actor="member:one")

    with operator_scope(committed.id):
        counts = await_retrain(operator_id=committed.id, version_ids=[former.id, champion.id], at=at)

    assert counts == {"models_removed": 1, "models_awaiting_retrain": 1}
    assert not path_of(former.file_digest).exists()
    assert path_of(champion.file_digest).exists()
    with operator_scope(committed.id):
        with pytest.raises(ModelAwaitsRetrain):
            rollback(operator_id=committed.id, actor="member:one")
        activate(operator_id=committed.id, version_id=innocent.id, actor="member:one")
    assert not path_of(champion.file_digest).exists()
    with operator_scope(committed.id):
        with pytest.raises(ModelAwaitsRetrain):
            rollback(operator_id=committed.id, actor="member:one")
        assert ModelVersion.objects.get(id=champion.id).awaits_retrain_since == at
        assert ModelVersion.objects.get(stage=Stage.CHAMPION).id == innocent.id


def test_nothing_awaits_a_retraining_when_nobody_was_learnt_from(operator: Operator, trained: Train) -> None:
    trained()
    before = len(latest(operator_id=operator.id))

    counts = await_retrain(operator_id=operator.id, version_ids=[], at=timezone.now())

    assert counts == {"models_removed": 0, "models_awaiting_retrain": 0}
    assert len(latest(operator_id=operator.id)) == before
