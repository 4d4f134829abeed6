"""The folders below ``settings.DATASETS``: one for each run, which goes with it, and one of checkpoints per operator.

Checkpoints of sharded trainings were made from people's rows. They stay from run to run, readable by the trainer alone,
and an erasure deletes those that hold the person, at once.
"""

import shutil
from collections.abc import Container
from pathlib import Path
from uuid import UUID

from django.conf import settings

from core.sealing import derive
from recsys.training.unlearning.checkpoints import Checkpoints

SHARDS = "shards"


def folder_of(run_id: UUID) -> Path:
    """Return where a run works."""
    return Path(settings.DATASETS) / str(run_id)


def make(run_id: UUID) -> Path:
    """Make the folder of a run, readable by nobody else."""
    folder = folder_of(run_id)
    folder.mkdir(parents=True, mode=0o700)
    return folder


def discard(run_id: UUID) -> None:
    """Delete the folder of a run and all that is in it."""
    shutil.rmtree(folder_of(run_id), ignore_errors=True)


def shards_of(operator_id: UUID) -> Path:
    """Return where the checkpoints of an operator's sharded trainings lie."""
    return Path(settings.DATASETS) / SHARDS / str(operator_id)


def shard_key() -> bytes:
    """Return the key by which this installation deals people to shards, 32 bytes."""
    return derive("training shards")


def forget_in_shards(operator_id: UUID, viewer: str) -> int:
    """Delete every checkpoint that was made with a person's rows; return how many files went."""
    folder = shards_of(operator_id)
    return Checkpoints(folder).forget(viewer, shard_key()) if folder.is_dir() else 0


def held_in_shards(operator_id: UUID, viewer: str) -> int:
    """Return how many checkpoints were made with a person's rows, or may have been."""
    folder = shards_of(operator_id)
    return len(Checkpoints(folder).made_with(viewer, shard_key())) if folder.is_dir() else 0


def discard_leftovers(keep: Container[UUID]) -> int:
    """Delete the folders of runs whose worker died and could not clean up; return how many."""
    folders = Path(settings.DATASETS).iterdir() if Path(settings.DATASETS).is_dir() else ()
    left = [run_id for folder in folders if (run_id := _run_of(folder)) is not None and run_id not in keep]
    for run_id in left:
        discard(run_id)
    return len(left)


def _run_of(folder: Path) -> UUID | None:
    try:
        return UUID(folder.name)
    except ValueError:
        return None
