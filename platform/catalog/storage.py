"""Where media files lie: ``<MEDIA_ROOT>/<first two digits>/<sha256>``, written once and never changed."""

import os
import re
import secrets
from pathlib import Path

from django.conf import settings

DIGEST = re.compile(r"[0-9a-f]{64}")


def media_path(sha256: str) -> Path:
    """Return where the file with this digest lies.

    Raises:
        ValueError: not 64 lower-case hexadecimal digits; nothing else may ever become part of a path.
    """
    if not DIGEST.fullmatch(sha256):
        raise ValueError("A media file is named by 64 hexadecimal digits.")
    return Path(settings.MEDIA_ROOT) / sha256[:2] / sha256


def write_media(sha256: str, content: bytes) -> bool:
    """Write a file unless it is there already; return whether it was written.

    A reader sees the whole file or none: it is written beside its place, flushed to disk and renamed.
    """
    path = media_path(sha256)
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{sha256}.{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return True
