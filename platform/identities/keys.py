"""The keys that protect operators' templates: sealed files outside the database.

Each key is sealed under a data key of its own, and that is wrapped by a key that lies elsewhere: the installation's
master key, or a key management service (``identities.kms``). Every host that recognises needs the same files, so the
directory belongs on storage that the web and worker hosts share, and into a backup of its own.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from uuid import UUID

from django.conf import settings

from faceid.protect import Protection, context_of, is_first_version
from faceid.sealed import KeyWrapper, MasterKey, rewrap, wrapper_of
from identities.errors import ProtectionKeyLost, face_problems
from identities.kms import TransitKey

_SUFFIX = ".key"

_opened: dict[Path, tuple[tuple[int, int], Protection]] = {}
"""Keys this process has opened, with the time and inode of their file: unwrapping may need a key service."""


class KeyStore(Protocol):
    """Whatever keeps operators' protection keys, apart from the templates."""

    def key_ids(self, operator_id: UUID) -> list[str]:
        """Return the ids of an operator's keys, oldest first."""
        ...

    def first(self, operator_id: UUID) -> Protection | None:
        """Return the oldest key of an operator; None when there is none."""
        ...

    def draw(self, operator_id: UUID, dimension: int) -> Protection:
        """Return the first key of an operator; of several callers at once, all get the same."""
        ...

    def add(self, operator_id: UUID, protection: Protection) -> None:
        """Keep a key; once this returns it survives a crash."""
        ...

    def open(self, operator_id: UUID, key_id: str) -> Protection:
        """Return a key.

        Raises:
            ProtectionKeyLost: the store has no such key.
            Unavailable: it cannot be opened with the wrapping keys in use, or they are out of reach.
        """
        ...

    def destroy(self, operator_id: UUID, key_id: str) -> bool:
        """Destroy a key, beyond recall as far as the store goes; say whether it was there."""
        ...

    def destroy_all(self, operator_id: UUID) -> int:
        """Destroy all keys of an operator, also those that cannot be opened; return how many there were."""
        ...

    def rewrap(self, operator_id: UUID) -> int:
        """Wrap an operator's keys with the wrapping key in use; return how many were wrapped by another before."""
        ...


class FileKeyStore:
    """Keys as private files: ``<operator>.key`` is the first, ``<operator>/<key id>.key`` are those that followed."""

    def __init__(self, folder: Path, wrapper: KeyWrapper, older: Sequence[KeyWrapper] = ()) -> None:
        """Keep keys below ``folder``, wrapped by ``wrapper``; ``older`` wrapping keys are tried when reading."""
        self._folder = folder
        self._wrapper = wrapper
        self._wrappers = (wrapper, *older)

    @property
    def wrapped_by(self) -> str:
        """Name of the wrapping key in use."""
        return self._wrapper.name

    def key_ids(self, operator_id: UUID) -> list[str]:
        """Return the ids of an operator's keys, oldest first."""
        return [self._read(operator_id, path).key_id for path in self._paths(operator_id)]

    def first(self, operator_id: UUID) -> Protection | None:
        """Return the oldest key of an operator; None when there is none."""
        paths = self._paths(operator_id)
        return self._read(operator_id, paths[0]) if paths else None

    def draw(self, operator_id: UUID, dimension: int) -> Protection:
        """Return the first key of an operator; of several callers at once, all get the same."""
        path = self.path_of(operator_id)
        with suppress(FileExistsError):  # another process was faster: its key counts
            self._write(path, self._sealed(operator_id, Protection.generate(dimension)), replace=False)
        return self._read(operator_id, path)

    def add(self, operator_id: UUID, protection: Protection) -> None:
        """Keep a key; once this returns it survives a crash."""
        path = self._folder_of(operator_id) / f"{protection.key_id}{_SUFFIX}"
        self._write(path, self._sealed(operator_id, protection), replace=True)

    def open(self, operator_id: UUID, key_id: str) -> Protection:
        """Return a key; see :meth:`KeyStore.open`."""
        return self._read(operator_id, self._found(operator_id, key_id))

    def destroy(self, operator_id: UUID, key_id: str) -> bool:
        """Overwrite and delete a key file; copies in backups and in the file system's past are out of reach here."""
        with suppress(ProtectionKeyLost):
            _shred(self._found(operator_id, key_id))
            return True
        return False

    def destroy_all(self, operator_id: UUID) -> int:
        """Overwrite and delete all key files of an operator; return how many there were."""
        paths = self._paths(operator_id)
        for path in paths:
            _shred(path)
        return len(paths)

    def rewrap(self, operator_id: UUID) -> int:
        """Wrap an operator's keys with the wrapping key in use; return how many were wrapped by another before."""
        return sum(self._rewrapped(operator_id, path) for path in self._paths(operator_id))

    def path_of(self, operator_id: UUID) -> Path:
        """Return where an operator's first key lies."""
        return self._folder / f"{operator_id}{_SUFFIX}"

    def _folder_of(self, operator_id: UUID) -> Path:
        return self._folder / str(operator_id)

    def _paths(self, operator_id: UUID) -> list[Path]:
        """Return an operator's key files, oldest first."""
        first = self.path_of(operator_id)
        later = sorted(self._folder_of(operator_id).glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
        return [*([first] if first.exists() else []), *later]

    def _found(self, operator_id: UUID, key_id: str) -> Path:
        path = self._folder_of(operator_id) / f"{key_id}{_SUFFIX}"
        if path.exists():
            return path
        _opened.pop(path, None)
        first = self.path_of(operator_id)
        if first.exists() and self._read(operator_id, first).key_id == key_id:
            return first
        raise ProtectionKeyLost(
            f"The key {key_id} is missing, and a new key would make every template useless. Restore it from the backup."
        )

    def _read(self, operator_id: UUID, path: Path) -> Protection:
        """Open a key file, or return what this process opened before as long as the file stays what it was."""
        about = path.stat()
        seen = (about.st_mtime_ns, about.st_ino)
        held = _opened.get(path)
        if held is None or held[0] != seen:
            with face_problems():
                key = Protection.open(path.read_bytes(), self._wrappers, operator_id.bytes)
            held = _opened[path] = (seen, key)
        return held[1]

    def _sealed(self, operator_id: UUID, protection: Protection) -> bytes:
        return protection.seal(self._wrapper, operator_id.bytes)

    def _rewrapped(self, operator_id: UUID, path: Path) -> bool:
        sealed = path.read_bytes()
        with face_problems():
            if is_first_version(sealed):  # sealed without a data key
                self._write(path, self._sealed(operator_id, self._read(operator_id, path)), replace=True)
                return True
            if wrapper_of(sealed) == self._wrapper.name:
                return False
            moved = rewrap(sealed, self._wrappers, self._wrapper, context_of(operator_id.bytes))
        self._write(path, moved, replace=True)
        return True

    def _write(self, path: Path, sealed: bytes, *, replace: bool) -> None:
        """Write a whole file or nothing.

        Raises:
            FileExistsError: the file exists and shall not be replaced.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(f".{os.getpid()}-{os.urandom(4).hex()}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                draft.replace(path)
            else:
                os.link(draft, path)
            _sync(path.parent)
        finally:
            draft.unlink(missing_ok=True)


def store() -> FileKeyStore:
    """Return the key store that the settings describe."""
    master = MasterKey(settings.MASTER_KEY[:32])
    local = MasterKey(settings.TEMPLATE_MASTER_KEY) if settings.TEMPLATE_MASTER_KEY else master
    older = [MasterKey(settings.TEMPLATE_MASTER_KEY_PREVIOUS)] if settings.TEMPLATE_MASTER_KEY_PREVIOUS else []
    wrapper: KeyWrapper = local
    if settings.KMS_URL:
        wrapper = TransitKey(settings.KMS_URL, settings.KMS_KEY, Path(settings.KMS_TOKEN_FILE), settings.KMS_CA_FILE)
    others = [one for one in (local, *older, master) if one.name != wrapper.name]
    return FileKeyStore(Path(settings.MEDIA_ROOT).parent / "keys", wrapper, others)


def _shred(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    _opened.pop(path, None)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
