"""Where model files are: content-addressed, written whole or not at all."""

import os
import shutil
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings


def path_of(digest: str) -> Path:
    """Return where the file with this SHA-256 is kept."""
    return Path(settings.RANKING_MODELS) / f"{digest}.onnx"


def gradients_path(digest: str) -> Path:
    """Return where the gradient graph of the model with this SHA-256 is kept, see ``recsys.explain``."""
    return Path(settings.RANKING_MODELS) / f"{digest}.gradients.onnx"


def digest_of(path: Path) -> str:
    """Return a file's SHA-256 as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def remove(digest: str) -> None:
    """Delete a model file and its gradient graph; what is not there is deleted already."""
    path_of(digest).unlink(missing_ok=True)
    gradients_path(digest).unlink(missing_ok=True)


def store(source: Path) -> str:
    """Copy a model file to its place and return its digest; an equal file that is there already is replaced."""
    return _copy(source, path_of)


def store_gradients(source: Path, *, model: str) -> str:
    """Copy the gradient graph of a model to its place beside the model's file and return the graph's digest."""
    return _copy(source, lambda digest: gradients_path(model))


def _copy(source: Path, place: Callable[[str], Path]) -> str:
    """Copy a file to where one of its digest belongs.

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
            Path(draft.name).replace(place(digest))
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
    return digest
