"""What a run asks for: the usual, shards whose checkpoints forget people, or privacy; and whom its log may name."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.utils import timezone

import subjects.selectors
import subjects.services
from accounts.models import Operator
from recsys.training.errors import BadRequest
from recsys.training.private.terms import PrivacyTerms
from recsys.training.unlearning.checkpoints import Checkpoints, Manifest
from recsys.training.unlearning.sharding import Sharding
from training import asking, export, folders, selectors, services
from training.models import Dataset, Run, Trigger

SHARDS, SLICES = 3, 2


@pytest.fixture
def in_shards(settings: Any) -> None:
    settings.TRAINING_SHARDS, settings.TRAINING_SLICES = SHARDS, SLICES
    settings.TRAINING_SHARDED_NETWORK = "fm"


@pytest.fixture
def run_of(operator: Operator) -> Callable[..., Run]:
    """A run that waits."""

    def call(**more: Any) -> Run:
        return Run.objects.create(
            operator_id=operator.id, trigger=more.pop("trigger", "demand"), requested_by="member:one", **more
        )

    return call


@pytest.fixture
def kept(operator: Operator) -> Checkpoints:
    """A checkpoint behind every slice of every shard."""
    checkpoints = Checkpoints(folders.shards_of(operator.id))
    for shard in range(SHARDS):
        for part in range(SLICES):
            checkpoints.save(shard, part, f"{shard}{part}" * 32, [np.zeros(3, np.float32)])
    checkpoints.write_manifest(Manifest(SHARDS, SLICES, {"plays": (1, 2, 3)}, 4, 64))
    return checkpoints


def _asked(run: Run) -> Any:
    return asking.request_of(run, parquet=Path("log.parquet"), output=Path("out"), denied=("hour",))


def test_a_usual_run_promises_nothing(run_of: Callable[..., Run]) -> None:
    asked = _asked(run_of())

    assert not asked.is_protected
    assert asked.denied == ("hour",)


def test_a_usual_run_looks_at_pictures_unless_the_installation_or_a_scene_denies_them(
    run_of: Callable[..., Run], settings: Any
) -> None:
    run = run_of()
    assert asking.looks_at_pictures(run, ("wealth",))
    assert not asking.looks_at_pictures(run, ("creative_picture",))
    settings.TRAINING_PICTURES = False
    assert not asking.looks_at_pictures(run, ())


def test_runs_that_promise_something_about_people_look_at_no_pictures(in_shards: None, run_of: Any) -> None:
    assert not asking.looks_at_pictures(run_of(), ())
    assert not asking.looks_at_pictures(Run(terms={"network": "fm", "epsilon": 2.0, "delta": 1e-6}), ())


def test_shards_are_a_setting_of_the_installation(in_shards: None, operator: Operator, run_of: Any) -> None:
    asked = _asked(run_of())

    assert (asked.kinds, asked.shards, asked.slices) == (("fm",), SHARDS, SLICES)
    assert asked.checkpoints == folders.shards_of(operator.id)
    assert asked.sharding.key == folders.shard_key()
    assert (asked.retrieval, asked.behaviour) == (False, False)


def test_terms_go_before_shards(in_shards: None, run_of: Any) -> None:
    asked = _asked(run_of(terms={"network": "logistic", "epsilon": 2.0, "delta": 1e-6}))

    assert asked.privacy == PrivacyTerms(2.0, delta=1e-6)
    assert (asked.kinds, asked.shards) == (("logistic",), 1)


@pytest.mark.parametrize(
    "terms", [{"network": "nonsense", "epsilon": 1.0, "delta": 1e-6}, {"network": "fm", "epsilon": 0.0, "delta": 1e-6}]
)
def test_terms_that_make_no_sense_are_refused(run_of: Any, terms: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        _asked(run_of(terms=terms))


def test_a_run_after_an_erasure_repeats_the_log_of_the_last_model(
    in_shards: None, settings: Any, operator: Operator, run_of: Any
) -> None:
    from training import pipeline

    before = timezone.now() - timedelta(hours=5)
    done = run_of(state="succeeded", finished_at=before, model_version_id=UUID(int=1))
    Dataset.objects.create(
        operator_id=operator.id, run=done, sha256="0" * 64, rows=1, bytes=1, people=b"", exported_at=before
    )
    after_erasure, nightly = Run(trigger=Trigger.ERASURE), Run(trigger=Trigger.NIGHTLY)

    assert pipeline._until(operator.id, after_erasure) == before
    assert pipeline._until(operator.id, nightly) > before
    settings.TRAINING_SHARDS = 1
    assert pipeline._until(operator.id, after_erasure) > before


def test_forgetting_somebody_deletes_the_checkpoints_made_with_them_at_once(
    operator: Operator, kept: Checkpoints
) -> None:
    subject_id = UUID(int=7)
    viewer = selectors.viewer_key(subject_id)
    place = Sharding(SHARDS, SLICES, folders.shard_key()).place_of(viewer)
    assert folders.held_in_shards(operator.id, viewer) == SLICES - place.slice

    services.forget(operator_id=operator.id, subject_id=subject_id)

    assert folders.held_in_shards(operator.id, viewer) == 0
    left = {path.name[:15] for path in kept.folder.glob("*.npz")}
    assert len(left) == SHARDS * SLICES - (SLICES - place.slice)
    assert folders.forget_in_shards(UUID(int=9), viewer) == 0  # another operator has none


def test_checkpoints_outlive_the_folders_of_runs(operator: Operator, kept: Checkpoints) -> None:
    folders.discard_leftovers(())

    assert len(list(kept.folder.glob("*.npz"))) == SHARDS * SLICES


def test_the_next_log_does_not_name_who_was_erased(
    operator: Operator, log_row: Callable[..., Any], tmp_path: Path
) -> None:
    """Whoever was forgotten has ended their consents, and only learners' keys are let through when it is recorded."""
    notice = subjects.services.publish_notice(operator_id=operator.id, title="Be known here", text="What we do.")
    stays, goes = (
        subjects.services.register(
            operator_id=operator.id, origin="kiosk", notice=notice, purposes=["personalise", "learn"],
            channel="kiosk", actor="device:one", method="tick_box", at=timezone.now(),
        ).subject
        for _ in range(2)
    )  # fmt: skip
    subjects.services.withdraw_all(
        operator_id=operator.id, subject_id=goes.id, channel="erasure", actor="a", at=timezone.now()
    )
    keys = {subject: selectors.viewer_key(subject.id) for subject in (stays, goes)}
    learners = subjects.selectors.learners(operator_id=operator.id, at=timezone.now())
    rows = [log_row(number, viewer=keys[subject]) for number, subject in enumerate((stays, goes))]
    allowed = [row for row in rows if row["viewer"] in {selectors.viewer_key(found) for found in learners}]
    exported = export.write(allowed, tmp_path / "log.parquet", tell=lambda rows: None)

    named = pq.read_table(exported.path)["viewer"].to_pylist()

    assert named == [keys[stays]]
    assert exported.viewers == {keys[stays]}


def test_a_log_that_still_names_somebody_is_not_recorded(operator: Operator, run_of: Any) -> None:
    run = run_of(state="running", started_at=timezone.now(), heartbeat_at=timezone.now())
    gone = selectors.viewer_key(UUID(int=7))

    recorded = services.record_dataset(
        operator_id=operator.id, run_id=run.id, sha256="0" * 64, rows=1, size=1, viewers=[gone], consent_snapshot={},
        exported_at=timezone.now(),
    )  # fmt: skip

    assert recorded is None
    assert not Dataset.objects.exists()
