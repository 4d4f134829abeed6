"""How far the eyes are open, relative to the same person's open eyes a moment before or after."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import REFERENCE, SIDE, similarity
from faceid.liveness.capture import Look
from faceid.mesh import FaceMesh

Patch = NDArray[np.float32]

SHUT: Final = 0.7
"""Below this share of their usual opening, eyes count as shut: lids half down give about 0.75 (made videos)."""

_ZOOM = 2
_HALF_WIDTH, _HALF_HEIGHT = 24, 14
_PLAY = 3
"""Pixels by which landmarks of one still eye jitter in the doubled crop."""


def openness(looks: Sequence[Look], open_looks: Sequence[int], mesh: FaceMesh | None) -> NDArray[np.float64]:
    """Measure the eyes of one person in several looks.

    With the mesh it is the height of the opening over its width (:attr:`faceid.mesh.Eye.openness`), without it the
    correlation of the eyes' patches with those of open eyes; both over what they are while the eyes are open.

    Args:
        looks: of one person.
        open_looks: numbers of looks in which the eyes are taken to be open; at least one.
        mesh: the networks that see lids, where they are installed.

    Returns:
        About 1 for open eyes and less for lids that are down; float64, shape (looks,).

    Raises:
        DegenerateLandmarks: a face cannot be aligned.
    """
    raw = _likeness(looks, open_looks) if mesh is None else np.array([_opening(look, mesh) for look in looks])
    usual = float(np.median(raw[list(open_looks)]))
    return np.asarray(raw / max(usual, 1e-3), dtype=np.float64)


def _opening(look: Look, mesh: FaceMesh) -> float:
    left, right = mesh.eyes(look.image, mesh.points(look.image, look.face))
    return (left.openness + right.openness) / 2


def _likeness(looks: Sequence[Look], open_looks: Sequence[int]) -> NDArray[np.float64]:
    """Correlate both eyes of every look with the mean of those that are open; shape (looks,)."""
    patches = [_eyes(look) for look in looks]
    means = [np.mean([patches[number][eye] for number in open_looks], axis=0) for eye in (0, 1)]
    return np.array([np.mean([_match(both[eye], means[eye]) for eye in (0, 1)]) for both in patches])


def _eyes(look: Look) -> tuple[Patch, Patch]:
    """Cut both eyes out of the aligned crop, doubled, with play around them."""
    matrix = similarity(look.face.landmarks) * _ZOOM
    size = (SIDE * _ZOOM, SIDE * _ZOOM)
    grey = cv2.cvtColor(look.image, cv2.COLOR_RGB2GRAY)
    crop = cv2.warpAffine(grey, matrix, size, flags=cv2.INTER_AREA).astype(np.float32)
    left, right = (_cut(crop, centre * _ZOOM) for centre in REFERENCE[:2])
    return left, right


def _cut(crop: NDArray[np.float32], centre: NDArray[np.float64]) -> Patch:
    column, row = (round(float(value)) for value in centre)
    across, down = _HALF_WIDTH + _PLAY, _HALF_HEIGHT + _PLAY
    return crop[row - down : row + down, column - across : column + across]


def _match(patch: Patch, pattern: NDArray[np.float32]) -> float:
    """Find the best normalised correlation while the pattern plays over the patch; 0 to 1."""
    inner = np.ascontiguousarray(pattern[_PLAY:-_PLAY, _PLAY:-_PLAY], dtype=np.float32)
    found = cv2.matchTemplate(np.ascontiguousarray(patch), inner, cv2.TM_CCOEFF_NORMED)
    return max(float(np.nan_to_num(found).max()), 0.0)
