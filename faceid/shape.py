"""What the dense landmarks say of a head: where it is turned, and how far eyes and mouth are open."""

import math

import numpy as np
from numpy.typing import NDArray

from faceid.mesh import EYE_CORNERS, Eye, Mesh

FOREHEAD, CHIN = 10, 152
UPPER_LIP, LOWER_LIP = (81, 82, 13, 312, 311), (178, 87, 14, 317, 402)
"""Inner rims of the lips, from left to right in the picture, each point above its partner."""

_LEAN = -4.0
"""How far the mesh's line from forehead to chin leans forward on average where people look straight ahead, degrees."""


def pose(mesh: Mesh) -> tuple[float, float, float]:
    """Estimate how a head is turned: yaw, pitch and roll in degrees.

    Args:
        mesh: the surface of the face.

    Returns:
        Yaw: positive towards the right of the picture. Pitch: positive looking down. Roll: positive clockwise in the
        picture. All 0 for a head that looks straight into the camera.

    The head's own axes are the line through the eyes' outer corners and the line from forehead to chin, in the mesh's
    three dimensions; the angles follow ISO/IEC 39794-5, which ISO/IEC 29794-5:2025 refers to for "head pose".
    """
    points = mesh.points.astype(np.float64)
    across = _unit(points[EYE_CORNERS[1][1]] - points[EYE_CORNERS[0][0]])
    down = points[CHIN] - points[FOREHEAD]
    down = _unit(down - (down @ across) * across)
    ahead = np.cross(down, across)  # out of the face, towards the camera, where depth is negative
    yaw = math.degrees(math.atan2(ahead[0], -ahead[2]))
    pitch = math.degrees(math.asin(max(-1.0, min(1.0, float(ahead[1]))))) + _LEAN
    roll = math.degrees(math.atan2(across[1], across[0]))
    return yaw, pitch, roll


def length(mesh: Mesh) -> float:
    """Measure the distance from the middle between the eyes to the chin, pixels: "T" of ISO/IEC 29794-5:2025."""
    eyes = mesh.points[[corner for corners in EYE_CORNERS for corner in corners], :2].mean(axis=0)
    return max(float(np.linalg.norm(mesh.points[CHIN, :2] - eyes)), 1e-6)


def eyes_open(mesh: Mesh, eyes: tuple[Eye, Eye]) -> float:
    """Measure the greatest distance between the lids of the narrower eye over the face's length; about 0.06 is usual.

    "Eyes open" of ISO/IEC 29794-5:2025; its reference implementation calls 0.02 half open.
    """
    return min(_lids(eye) for eye in eyes) / length(mesh)


def mouth_open(mesh: Mesh) -> float:
    """Measure the greatest distance between the inner rims of the lips over the face's length; 0 is closed.

    "Mouth closed" of ISO/IEC 29794-5:2025; its reference implementation calls 0.2 half open.
    """
    gaps = np.linalg.norm(mesh.points[list(UPPER_LIP), :2] - mesh.points[list(LOWER_LIP), :2], axis=1)
    return float(gaps.max()) / length(mesh)


def _lids(eye: Eye) -> float:
    return float(np.linalg.norm(eye.contour[1:8] - eye.contour[9:16], axis=1).max())


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return unit
