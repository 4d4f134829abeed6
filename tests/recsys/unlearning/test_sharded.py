"""Forgetting a person: the constituent they were in is what it would be without them, and little is learnt again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.features import FeatureSpec
from recsys.serving.metadata import Calibration, ModelMetadata
from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Examples
from recsys.training.errors import OneClass
from recsys.training.metrics import auc
from recsys.training.networks.network import Network
from recsys.training.unlearning.checkpoints import Checkpoints, Manifest
from recsys.training.unlearning.errors import EmptyShard
from recsys.training.unlearning.report import ShardingReport
from recsys.training.unlearning.sharding import Sharding

pytestmark = pytest.mark.training

CONFIG = NetworkConfig.of("fm", width=4, learning_rate=1e-2)
SEED = 5


@dataclass(frozen=True, slots=True)
class Forgetting:
    """One training, the erasure of somebody of the second slice, and what followed."""

    gone: str
    remaining: Examples
    folder: Path
    network: Network
    first: ShardingReport
    files: frozenset[str]
    retrained: ShardingReport
    again: ShardingReport
    from_scratch: ShardingReport
    manifest: Manifest


def _train(examples: Examples, sharding: Sharding, spec: FeatureSpec, folder: Path | None) -> Any:
    from recsys.training.unlearning.sharded import plan, train_sharded

    return train_sharded(CONFIG, plan(examples, sharding, folder=folder, epochs=6, batch_size=64), spec, seed=SEED)


@pytest.fixture(scope="module")
def forgetting(
    people: Examples,
    two_by_two: Sharding,
    small_spec: FeatureSpec,
    without: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Forgetting:
    folder, other = tmp_path_factory.mktemp("shards"), tmp_path_factory.mktemp("scratch")
    trained = _train(people, two_by_two, small_spec, folder)
    network, first = trained.network(), trained.report
    files = frozenset(path.name for path in folder.iterdir())
    gone = next(name for name in people.viewer.vocabulary if two_by_two.place_of(name) == (1, 1))
    remaining = without(people, gone)
    retrained = _train(remaining, two_by_two, small_spec, folder).report
    again = _train(remaining, two_by_two, small_spec, folder).report
    manifest = Checkpoints(folder).manifest()
    assert manifest is not None
    Checkpoints(other).write_manifest(manifest)  # the same course, and no checkpoint
    from_scratch = _train(remaining, two_by_two, small_spec, other).report
    return Forgetting(gone, remaining, folder, network, first, files, retrained, again, from_scratch, manifest)


def test_the_retrained_constituent_is_bit_for_bit_the_one_trained_without_the_person(forgetting: Forgetting) -> None:
    assert [shard.digest for shard in forgetting.retrained.shards] == [
        shard.digest for shard in forgetting.from_scratch.shards
    ]
    assert forgetting.from_scratch.rows_learnt == forgetting.from_scratch.rows_in_full
    assert forgetting.retrained.shards[1].digest != forgetting.first.shards[1].digest


def test_the_other_shard_is_left_as_it_was(forgetting: Forgetting) -> None:
    assert forgetting.retrained.shards[0] == forgetting.first.shards[0].__class__(
        rows=forgetting.first.shards[0].rows, slices_kept=2, digest=forgetting.first.shards[0].digest
    )


def test_only_the_slices_from_the_person_on_are_learnt_again(forgetting: Forgetting) -> None:
    after = forgetting.retrained

    assert after.shards[1].slices_kept == 1
    assert after.rows_learnt == after.shards[1].rows * after.epochs
    assert after.rows_learnt < 0.45 * after.rows_in_full
    assert forgetting.again.rows_learnt == 0


def test_what_was_made_with_the_person_is_deleted(forgetting: Forgetting) -> None:
    left = {path.name for path in forgetting.folder.iterdir()}

    assert forgetting.retrained.deleted == 1
    assert len(left - forgetting.files) == 1
    assert len(forgetting.files - left) == 1
    assert all(path.stat().st_mode & 0o077 == 0 for path in forgetting.folder.glob("*.npz"))


def test_a_damaged_checkpoint_is_made_again(
    forgetting: Forgetting, small_spec: FeatureSpec, two_by_two: Sharding
) -> None:
    damaged = sorted(forgetting.folder.glob("shard-0.slice-1.*"))[0]
    damaged.write_bytes(damaged.read_bytes()[:100])

    report = _train(forgetting.remaining, two_by_two, small_spec, forgetting.folder).report

    assert report.shards[0].slices_kept == 1
    assert report.shards[0].digest == forgetting.first.shards[0].digest


def test_the_constituents_together_know_who_likes_what(forgetting: Forgetting, people: Examples) -> None:
    from recsys.training.fit import score

    late = people.take(np.arange(1_275, 1_500))

    assert (auc(late.labels, score(forgetting.network, late)) or 0) > 0.6


def test_the_mean_of_the_constituents_is_one_split_graph(
    forgetting: Forgetting, people: Examples, small_spec: FeatureSpec, tmp_path: Path
) -> None:
    from recsys.serving.ranker import open_session
    from recsys.training.export import export

    metadata = ModelMetadata("fm", small_spec.digest, "data", "2026-01-01T00:00:00+00:00", Calibration())

    artefact = export(forgetting.network, feeds=people.feeds, metadata=metadata, output=tmp_path)

    session = open_session((tmp_path / artefact.file).read_bytes())
    some = {name: ids[:40] for name, ids in people.feeds.items()}
    names = {feature.name for feature in forgetting.network.layout.candidate}
    pairs = {name: ids[:8].reshape(1, 8) if name in names else ids[:5] for name, ids in some.items()}
    table = session.run(None, {node.name: pairs[node.name] for node in session.get_inputs()})[0]
    flat = {
        name: np.tile(ids[:8], (5, 1)) if name in names else np.repeat(ids[:5], 8, axis=0) for name, ids in some.items()
    }
    rows = session.run(None, {node.name: flat[node.name] for node in session.get_inputs()})[0]
    assert artefact.parity < 1e-5
    assert session.get_modelmeta().custom_metadata_map["vitrine.graph"] == "split"
    np.testing.assert_allclose(table, rows.reshape(5, 8), atol=1e-6)


def test_newer_rows_begin_a_new_course(forgetting: Forgetting, people: Examples, two_by_two: Sharding) -> None:
    from recsys.training.unlearning.course import course

    earlier = people.take(np.arange(1_400))
    _, first = course(earlier, two_by_two, None, epochs=6, batch_size=64)

    same_split, same = course(earlier.take(np.arange(1_399)), two_by_two, first, epochs=9, batch_size=64)
    new_split, new = course(people, two_by_two, first, epochs=9, batch_size=64)

    assert same == first
    assert int(same_split.test.at[0]) >= min(places[1] for places in first.boundaries.values())
    assert new.boundaries != first.boundaries
    assert new.epochs == 6  # nine passes over all are six over each of two growing slices
    assert len(new_split.train) == 1_050


def test_a_log_of_one_kind_of_label_is_refused(people: Examples, two_by_two: Sharding) -> None:
    from recsys.training.unlearning.course import course, split_at

    _, manifest = course(people, two_by_two, None, epochs=1, batch_size=64)
    positives = people.take(np.flatnonzero(people.labels == 1))

    with pytest.raises(OneClass, match="train part"):
        split_at(positives, manifest.boundaries)


def test_more_shards_than_people_are_refused_and_nothing_is_kept(
    people: Examples, small_spec: FeatureSpec, tmp_path: Path
) -> None:
    few = people.take(np.flatnonzero(people.viewer.codes == people.viewer.codes[-1])[:5])
    manifest = Manifest(32, 1, {}, 1, 64)

    from recsys.training.unlearning.constituents import train_constituents

    with pytest.raises(EmptyShard, match="use fewer shards"):
        train_constituents(
            CONFIG, few, small_spec, Sharding(32, 1, b"k"), manifest, seed=1, checkpoints=Checkpoints(tmp_path)
        )

    assert not [path for path in tmp_path.iterdir() if path.name == "sharding.json"]
