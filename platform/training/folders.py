"""The working folder of a run below ``settings.DATASETS``: it holds the exported log and goes with the run."""

import shutil
from collections.abc import Container
from pathlib import Path
from uuid import UUID

from django.conf import settings


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
