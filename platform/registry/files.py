"""Where model files are: content-addressed, written whole or not at all."""

import os
import shutil
from hashlib import file_digest
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings


def path_of(digest: str) -> Path:
    """Return where the file with this SHA-256 is kept."""
    return Path(settings.RANKING_MODELS) / f"{digest}.onnx"


def digest_of(path: Path) -> str:
    """Return a file's SHA-256 as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def remove(digest: str) -> None:
    """Delete a model file; one that is not there is deleted already."""
    path_of(digest).unlink(missing_ok=True)


def store(source: Path) -> str:
    """Copy a model file to its place and return its digest; an equal file that is there already is replaced.

    The copy is complete on disk before it gets its name, so that no process ever loads half a model.
    """
    folder = Path(settings.RANKING_MODELS)
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix=".", suffix=".part", delete=False) as draft:
        try:
            with source.open("rb") as original:
                shutil.copyfileobj(original, draft)
            draft.flush()
            os.fsync(draft.fileno())
            digest = digest_of(Path(draft.name))
            Path(draft.name).chmod(0o644)
            Path(draft.name).replace(path_of(digest))
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
    return digest
