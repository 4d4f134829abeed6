"""Checkpoints are personal data: they go when a person goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recsys.training.unlearning.checkpoints import Checkpoints, Manifest
from recsys.training.unlearning.sharding import Sharding

KEY = b"key"
MANIFEST = Manifest(2, 3, {"planted": (1, 2, 3)}, 4, 64)


@pytest.fixture
def kept(tmp_path: Path) -> Checkpoints:
    """Two shards of three slices each."""
    checkpoints = Checkpoints(tmp_path / "shards")
    for shard in range(2):
        for part in range(3):
            checkpoints.save(shard, part, f"{shard}{part}" * 32, [np.float32([shard, part])])
    checkpoints.write_manifest(MANIFEST)
    return checkpoints


def _names(checkpoints: Checkpoints) -> set[tuple[int, int]]:
    return {(int(path.name[6]), int(path.name[14])) for path in checkpoints.folder.glob("*.npz")}


def test_weights_come_back_in_order(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    weights = [np.full((2, place + 1), place, np.float32) for place in range(12)]

    checkpoints.save(0, 0, "a" * 64, weights)

    found = checkpoints.load(0, 0, "a" * 64)
    assert found is not None
    assert [weight.tolist() for weight in found] == [weight.tolist() for weight in weights]
    assert checkpoints.load(0, 1, "a" * 64) is None


def test_forgetting_deletes_the_persons_slice_and_all_behind_it(kept: Checkpoints) -> None:
    viewer = next(name for name in map(str, range(100)) if Sharding(2, 3, KEY).place_of(name) == (1, 1))

    gone = kept.forget(viewer, KEY)

    assert gone == 2
    assert _names(kept) == {(0, 0), (0, 1), (0, 2), (1, 0)}
    assert kept.forget(viewer, KEY) == 0


def test_without_a_readable_manifest_everything_goes(kept: Checkpoints) -> None:
    (kept.folder / "sharding.json").write_text("[]")

    assert kept.forget("anybody", KEY) == 7
    assert not list(kept.folder.iterdir())


def test_a_training_keeps_only_what_it_arrived_at(kept: Checkpoints) -> None:
    (kept.folder / ".x.npz.1.partial").write_bytes(b"half")

    assert kept.keep_only(["00" * 32, "01" * 32]) == 5
    assert _names(kept) == {(0, 0), (0, 1)}
    assert kept.manifest() == MANIFEST


def test_the_folder_is_the_owners_alone(kept: Checkpoints) -> None:
    assert kept.folder.stat().st_mode & 0o077 == 0
