"""The face pipelines of this process, loaded when the first face comes."""

import threading
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from faceid.align import align
from faceid.detect import Face
from faceid.pipeline import Pipeline
from identities.errors import face_problems

_lock = threading.Lock()
_loaded: dict[Path, Pipeline] = {}


def pipeline() -> Pipeline:
    """Return the pipeline of operators who have nothing else; safe to share between threads.

    Raises:
        Unavailable: the models are missing or damaged.
    """
    return _of(Path(settings.FACE_MODELS))


def pipelines() -> tuple[Pipeline, ...]:
    """Return every pipeline that is configured: the present one first, then the one operators move to.

    Raises:
        Unavailable: the models are missing or damaged.
    """
    folders = [Path(settings.FACE_MODELS), *([Path(settings.FACE_MODELS_NEXT)] if settings.FACE_MODELS_NEXT else [])]
    return tuple(_of(folder) for folder in dict.fromkeys(folders))


def embed_again(other: Pipeline, image: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
    """Embed a face that one pipeline found with the recogniser of another.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        face: where the face is; its landmarks were found upright.

    Returns:
        Unit vector, float32, shape (dimension of the other,).
    """
    side = other.manifest.recogniser.side
    vector: NDArray[np.float32] = other.embedder.embed([align(np.asarray(image), face.landmarks, side)])[0]
    return vector


def _of(folder: Path) -> Pipeline:
    if folder not in _loaded:
        with _lock, face_problems():
            if folder not in _loaded:
                _loaded[folder] = Pipeline.load(folder)
    return _loaded[folder]
