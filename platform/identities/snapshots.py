"""Gallery snapshots that the processes of this machine share, in a private folder in memory.

A snapshot holds protected templates, so it is removed from in place: what a withdrawal or an erasure takes from one
process's gallery is overwritten in the shared file, too (``faceid.search.shared``). Without the folder everything works
as well; each process then holds large galleries of its own.
"""

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from django.conf import settings

from faceid.errors import SnapshotUnusable
from faceid.search.columns import Columns
from faceid.search.shared import SharedFolder
from faceid.search.snapshot import Snapshot

_PATIENCE = 60.0
"""Seconds to wait while another process loads a large gallery, which is cheaper than loading it once more."""

_log = logging.getLogger(__name__)
_folders: dict[Path, SharedFolder | None] = {}


def folder(*, make: bool = False) -> SharedFolder | None:
    """Return the shared folder; None where there is none yet, or none that is ours alone.

    Args:
        make: make it if there is none.
    """
    path = folder_path()
    if path not in _folders and (make or path.exists()):
        try:
            _folders[path] = SharedFolder(path)
        except SnapshotUnusable as error:
            _log.warning("Galleries are not shared between processes: %s", error)
            _folders[path] = None
    return _folders.get(path)


def folder_path() -> Path:
    """Return where snapshots lie: as configured, or below the system's file system in memory."""
    if settings.GALLERY_SNAPSHOTS:
        return Path(settings.GALLERY_SNAPSHOTS)
    # Two installations on one machine, or two users, must not meet.
    state = str(Path(settings.MEDIA_ROOT).resolve().parent)
    return Path("/dev/shm") / f"vitrine-{os.geteuid()}-{hashlib.sha256(state.encode()).hexdigest()[:16]}"  # noqa: S108  # in memory, and refused unless it is ours alone


def newest(operator_id: UUID, contract: str, unless: Snapshot | None) -> Snapshot | None:
    """Map the published snapshot of a gallery; None if there is none, or it is the one the caller has."""
    shared = folder()
    if shared is None:
        return None
    try:
        found = shared.open(_name(operator_id, contract), unless=unless)
    except SnapshotUnusable as error:
        _log.warning("A gallery snapshot was put away: %s", error)
        shared.forget(_name(operator_id, contract))
        return None
    return found if found is None or found.header.contract == contract else None


@contextmanager
def writing(operator_id: UUID, contract: str, *, wait: bool) -> Iterator[bool]:
    """Be the one who writes a gallery's snapshot; yield whether that is so."""
    shared = folder(make=True)
    if shared is None:
        yield False
        return
    with shared.writing(_name(operator_id, contract), patience=_PATIENCE if wait else 0.0) as mine:
        yield mine


def publish(operator_id: UUID, contract: str, columns: Columns, stamp: tuple[int, int]) -> Snapshot | None:
    """Write a gallery's snapshot, within :func:`writing`; None where there is no room for it."""
    shared = folder(make=True)
    if shared is None:
        return None
    try:
        return shared.publish(_name(operator_id, contract), columns, contract=contract, stamp=stamp)
    except SnapshotUnusable as error:
        _log.warning("A gallery is not shared between processes: %s", error)
        return None


def contracts(operator_id: UUID) -> set[str]:
    """Return the contracts of an operator of which a snapshot is published."""
    shared, prefix = folder(), f"{operator_id}-"
    return set() if shared is None else {
        name.removeprefix(prefix) for name in shared.names() if name.startswith(prefix)
    }  # fmt: skip


def forget(operator_id: UUID, *, keep: frozenset[str] = frozenset()) -> None:
    """Overwrite and delete an operator's snapshots, but for those of some contracts."""
    shared = folder()
    if shared is not None:
        for contract in contracts(operator_id) - keep:
            shared.forget(_name(operator_id, contract))


def _name(operator_id: UUID, contract: str) -> str:
    return f"{operator_id}-{contract}"
