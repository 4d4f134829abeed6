"""The key that protects an operator's templates: a file outside the database, sealed under the master key.

Each host that recognises needs the same files, so the directory belongs on storage that the web and worker hosts
share, and into the backup.
"""

import os
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from django.conf import settings

from faceid.protect import Protection
from identities import selectors
from identities.errors import ProtectionKeyLost, face_problems

_held: dict[Path, Protection] = {}


def protection(operator_id: UUID) -> Protection:
    """Return an operator's protection; the first call for a new operator draws its key.

    Raises:
        ProtectionKeyLost: the operator has templates, but no key.
        Unavailable: the key was sealed under another master key.
    """
    path = path_of(operator_id)
    if path not in _held:
        if not path.exists():
            _draw(operator_id, path)
        with face_problems():
            _held[path] = Protection.from_bytes(path.read_bytes(), settings.MASTER_KEY)
    return _held[path]


def path_of(operator_id: UUID) -> Path:
    """Return where an operator's key lies."""
    return Path(settings.MEDIA_ROOT).parent / "keys" / f"{operator_id}.key"


def _draw(operator_id: UUID, path: Path) -> None:
    if selectors.count(operator_id=operator_id):
        raise ProtectionKeyLost(f"{path.name} is missing, and a new key would make every template useless. Restore it.")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Protection.generate().to_bytes(settings.MASTER_KEY))
    try:
        with suppress(FileExistsError):  # another process was faster: its key counts
            os.link(draft, path)
    finally:
        draft.unlink()
