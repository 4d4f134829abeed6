"""The depth that a network shall see in a living face: its surface, seen from the camera, as a small picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import SIDE as ALIGNED_SIDE
from faceid.align import similarity
from faceid.detect import Face

SIDE = 32
"""Side of the map, pixels, as Liu, Jourabloo, Liu (CVPR 2018) have it."""

_SPREAD = 0.8
"""Standard deviation, pixels of the map, with which each point speaks for its surroundings."""

_LEAST = 1e-300


def depth_map(points: NDArray[np.float32], face: Face) -> NDArray[np.float32]:
    """Draw the surface of a face as a map of nearness over the crop that the network is shown.

    Args:
        points: float32, shape (n, 3), n at least 3: x and y in pixels of the picture, and depth in the same unit,
            smaller is nearer; see :attr:`faceid.mesh.Mesh.points`.
        face: the face; its landmarks place the crop.

    Returns:
        float32, shape (32, 32): near 1 at the nearest point, falling in a straight line with depth to 0 at the
        farthest point, and 0 beside the surface (Liu, Jourabloo, Liu, CVPR 2018, 3.2: the z-buffer of the fitted face,
        scaled to 0..1). Between the points their depth is averaged (normalised convolution: Knutsson, Westin, CVPR
        1993); the surface reaches as far as the hull of its points.

    Raises:
        DegenerateLandmarks: the landmarks lie on one line.
    """
    matrix = similarity(face.landmarks) * (SIDE / ALIGNED_SIDE)
    flat = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    near = points[:, 2].max() - points[:, 2]
    height = near / max(float(near.max()), 1e-6)
    # A Gaussian of two dimensions is a product of two of one, which makes the average a product of matrices.
    across, down = (np.exp(-((np.arange(SIDE)[:, None] - flat[:, axis]) ** 2) / (2 * _SPREAD**2)) for axis in (0, 1))
    surface = (down * height) @ across.T / np.maximum(down @ across.T, _LEAST)
    return np.asarray(surface * _hull(flat), dtype=np.float32)


def _hull(flat: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return 1 inside the hull of points and 0 beside it, shape (32, 32)."""
    inside = np.zeros((SIDE, SIDE), dtype=np.uint8)
    places = np.clip(np.rint(flat), -10 * SIDE, 10 * SIDE).astype(np.int32)
    cv2.fillConvexPoly(inside, cv2.convexHull(places), 1)
    return inside
