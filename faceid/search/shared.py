"""One snapshot of a gallery for all processes of a machine.

The files lie in a private folder on a file system in memory. A snapshot is written into a file without a name and
linked when it is whole, so a crash leaves the old one or the new one. Who writes is whoever holds the lock. Everybody
maps the same pages; a row removed by one process is gone for all (:meth:`faceid.search.snapshot.Snapshot.remove`).
"""

import fcntl
import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from faceid.errors import SnapshotUnusable
from faceid.search.columns import Columns
from faceid.search.snapshot import Snapshot
from faceid.search.writing import write

_NAME = re.compile(r"[A-Za-z0-9_-]{1,120}")
_SUFFIX = ".gallery"
_ZEROS = bytes(1 << 20)
_PAUSE = 0.05


class SharedFolder:
    """Published snapshots by name; readable and writable for one user only."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Use a folder, which is made if it is missing.

        Args:
            path: on a file system in memory (tmpfs), so that templates never reach a disk.
            threads: see :class:`faceid.search.snapshot.Snapshot`.

        Raises:
            SnapshotUnusable: others may read or write the folder, or it is no folder, or cannot be made.
        """
        self.path = path
        self._threads = threads
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = path.lstat()
        except OSError as error:
            raise _unusable(f"The folder of gallery snapshots cannot be used ({error.strerror}).") from error
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise _unusable("The folder of gallery snapshots is open to others.")

    def names(self) -> list[str]:
        """Return the names of all published snapshots."""
        return sorted(file.name.removesuffix(_SUFFIX) for file in self.path.glob(f"*{_SUFFIX}"))

    def open(self, name: str, *, unless: Snapshot | None = None) -> Snapshot | None:
        """Map a published snapshot.

        Args:
            unless: what the caller has; None is returned if this is what is published.

        Raises:
            SnapshotUnusable: the file is no snapshot, or not this user's alone.
        """
        try:
            descriptor = os.open(self._file(name), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            found = os.fstat(descriptor)
            if found.st_uid != os.geteuid() or found.st_mode & 0o077:
                raise _unusable(f"{name}{_SUFFIX} is open to others.")
            if unless is not None and unless.is_of(found):
                return None
            return Snapshot(descriptor, threads=self._threads)
        finally:
            os.close(descriptor)

    @contextmanager
    def writing(self, name: str, *, patience: float = 0.0) -> Iterator[bool]:
        """Be the one who writes a snapshot while the block runs; yield whether that is so.

        Args:
            patience: seconds to wait while another process writes it.
        """
        descriptor = os.open(self._file(name, ".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            yield _locked(descriptor, patience)
        finally:
            os.close(descriptor)

    def publish(self, name: str, columns: Columns, *, contract: str, stamp: Sequence[int]) -> Snapshot:
        """Write a snapshot and put it in the place of the one before; only within :meth:`writing`.

        Raises:
            ValueError: see :func:`faceid.search.writing.write`.
            SnapshotUnusable: the file system has no room, or no files without a name.
        """
        try:
            descriptor = os.open(self.path, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(f"No snapshot can be written into {self.path.name} ({error.strerror}).") from error
        try:
            write(columns, descriptor, contract=contract, stamp=stamp)
            draft = self._file(name, ".draft")
            draft.unlink(missing_ok=True)  # left by a crash between the next two lines
            # With a directory named, although the path needs none: only then the link itself is followed.
            os.link(f"/proc/self/fd/{descriptor}", draft, src_dir_fd=descriptor, follow_symlinks=True)
            draft.replace(self._file(name))
            return Snapshot(descriptor, threads=self._threads)
        except OSError as error:
            raise _unusable(f"The snapshot {name} could not be written ({error.strerror}).") from error
        finally:
            os.close(descriptor)

    def forget(self, name: str) -> None:
        """Overwrite a published snapshot with zeros, for whoever maps it, and delete it."""
        for suffix in (_SUFFIX, ".draft"):
            with suppress(FileNotFoundError):
                _wipe(self._file(name, suffix))

    def _file(self, name: str, suffix: str = _SUFFIX) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError("The name of a snapshot has letters, digits, - and _ only.")
        return self.path / f"{name}{suffix}"


def _locked(descriptor: int, patience: float) -> bool:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_PAUSE)
        else:
            return True


def _wipe(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        file.unlink()
        size = os.fstat(descriptor).st_size
        for offset in range(0, size, len(_ZEROS)):
            os.pwrite(descriptor, _ZEROS[: size - offset], offset)
    finally:
        os.close(descriptor)


def _unusable(happened: str) -> SnapshotUnusable:
    return SnapshotUnusable(
        happened,
        expected="a folder in memory that belongs to this user alone, with room for it.",
        remedy="Make room or name another folder; until then each process holds galleries of its own.",
    )
