"""The journal of erasures: a file beside the database, so that an erasure survives a restore from backup.

Written before anything is deleted and synced to disk. A database restored from an older backup lacks the certificates
of later erasures; the sweep notices the difference and erases those subjects again. The file names subjects by keyed
digests only. Like the protection keys it belongs on storage that the hosts share, but into no backup of the database.
"""

import os
from pathlib import Path
from uuid import UUID

from django.conf import settings

from privacy.digests import digest_of


def write(operator_id: UUID, subject_id: UUID) -> None:
    """Append a subject who is about to be erased, once, and wait until the disk has it."""
    digest = digest_of(subject_id)
    if digest in read(operator_id):
        return
    path = path_of(operator_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{digest}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(operator_id: UUID) -> frozenset[str]:
    """Return the digests of every subject the operator ever set out to erase."""
    path = path_of(operator_id)
    return frozenset(path.read_text().split()) if path.exists() else frozenset()


def path_of(operator_id: UUID) -> Path:
    """Return where an operator's journal lies."""
    return Path(settings.MEDIA_ROOT).parent / "erasures" / f"{operator_id}.journal"
