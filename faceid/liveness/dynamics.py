"""The texture of a face in space and time: local binary patterns on three orthogonal planes of a film.

Zhao & Pietikainen, "Dynamic Texture Recognition Using Local Binary Patterns with an Application to Facial
Expressions", IEEE TPAMI 29(6), 2007; against attacks: de Freitas Pereira et al., "Face liveness detection using
dynamic texture", EURASIP Journal on Image and Video Processing 2014:2.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import SIDE as ALIGNED_SIDE
from faceid.align import similarity
from faceid.errors import DegenerateLandmarks, ModelsUnavailable
from faceid.liveness.capture import Capture
from faceid.liveness.machine import Machine
from faceid.liveness.method import Evidence
from faceid.liveness.texture import UNIFORM_BINS, local_binary_patterns
from faceid.optional import OptionalModels

MANIFEST = "dynamics.json"
FILE = "dynamics.npz"

LOOKS, RATE = 16, 6.0
"""Shortest film that is judged: looks, and looks per second."""

MOST = 48
"""Most looks that are described, the last ones."""

SIDE = 64
"""Side of the face in the film, pixels."""

LENGTH = 3 * UNIFORM_BINS


@dataclass(frozen=True, slots=True)
class Dynamics:
    """Patterns on three planes and the machine that was fitted on them; safe to share between threads."""

    machine: Machine
    name: str = "dynamics"

    def __post_init__(self) -> None:
        """Refuse a machine that was fitted on something else.

        Raises:
            ValueError: it takes another number of features.
        """
        if len(self.machine.mean) != LENGTH:
            raise ValueError(f"The machine takes {len(self.machine.mean)} features, not {LENGTH}.")

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Load what :func:`faceid.training.dynamics.train_dynamics` left; None where it was not trained.

        Raises:
            ModelsUnavailable: the file is missing or damaged, or is not the one its manifest names.
        """
        if OptionalModels.load(directory, MANIFEST) is None:
            return None
        try:
            return cls(Machine.from_bytes((directory / FILE).read_bytes()))
        except ValueError as error:
            raise ModelsUnavailable(
                f"{FILE} cannot be read: {error}",
                expected="arrays of a machine for films.",
                remedy="Train it again (python -m faceid train-dynamics).",
            ) from error

    def judge(self, capture: Capture) -> Evidence | None:
        """Say what the film shows; None for fewer than 16 looks or six a second, or faces that cannot be aligned."""
        features = described(capture)
        if features is None:
            return None
        return Evidence(self.name, float(self.machine.log_odds(features[None, :])[0]))


def described(capture: Capture) -> NDArray[np.float32] | None:
    """Describe a film by its patterns.

    Returns:
        Square roots of histogram shares, float32, shape (177,); None where :meth:`Dynamics.judge` answers None.
    """
    looks = capture.looks[-MOST:]
    seconds = looks[-1].at - looks[0].at
    if len(looks) < LOOKS or (len(looks) - 1) < RATE * seconds:
        return None
    try:
        middle = np.median([look.face.landmarks for look in looks], axis=0).astype(np.float32)
        matrix = similarity(middle) * (SIDE / ALIGNED_SIDE)
    except DegenerateLandmarks:
        return None
    # One place for all looks: what moves is the face in it, not the detector's jitter.
    faces = [cv2.warpAffine(look.image, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA) for look in looks]
    film = np.stack([cv2.cvtColor(face, cv2.COLOR_RGB2GRAY) for face in faces]).astype(np.uint8)
    return three_planes(film)


def three_planes(film: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Count uniform patterns on the planes of space, of rows over time and of columns over time.

    Args:
        film: grey, uint8, shape (looks, height, width), each at least 3.

    Returns:
        Square roots of shares, so that their Euclidean distance is Hellinger's; float32, shape (177,).
        LBP-TOP(8, 8, 8, 1, 1, 1, u2), Zhao & Pietikainen, section 3.3.
    """
    planes = (film, film.transpose(1, 0, 2), film.transpose(2, 0, 1))
    return np.concatenate([_shares(plane) for plane in planes])


def _shares(plane: NDArray[np.uint8]) -> NDArray[np.float32]:
    codes = np.concatenate([local_binary_patterns(np.ascontiguousarray(one), 1).ravel() for one in plane])
    counts = np.bincount(codes, minlength=UNIFORM_BINS).astype(np.float64)
    return np.asarray(np.sqrt(counts / counts.sum()), dtype=np.float32)
