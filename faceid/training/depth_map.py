"""The depth that a network shall see in a living face: its surface, seen from the camera, as a small picture."""

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import QhullError

from faceid.align import SIDE as ALIGNED_SIDE
from faceid.align import similarity
from faceid.detect import Face

SIDE = 32
"""Side of the map, pixels, as Liu, Jourabloo, Liu (CVPR 2018) have it."""


def depth_map(points: NDArray[np.float32], face: Face) -> NDArray[np.float32]:
    """Draw the surface of a face as a map of nearness over the crop that the network is shown.

    Args:
        points: float32, shape (n, 3), n at least 3: x and y in pixels of the picture, and depth in the same unit,
            smaller is nearer; see :attr:`faceid.mesh.Mesh.points`.
        face: the face; its landmarks place the crop.

    Returns:
        float32, shape (32, 32): 1 at the nearest point, falling in a straight line to 0 at the farthest point of the
        surface and beside it (Liu, Jourabloo, Liu, CVPR 2018, 3.2: the z-buffer of the fitted face, scaled to 0..1).
        All zeros where the points span no surface.

    Raises:
        DegenerateLandmarks: the landmarks lie on one line.
    """
    matrix = similarity(face.landmarks) * (SIDE / ALIGNED_SIDE)
    flat = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    near = points[:, 2].max() - points[:, 2]
    height = near / max(float(near.max()), 1e-6)
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    try:
        surface = LinearNDInterpolator(flat, height, fill_value=0.0)
        return np.asarray(surface(columns, rows), dtype=np.float32)
    except QhullError:
        return np.zeros((SIDE, SIDE), dtype=np.float32)
