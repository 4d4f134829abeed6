"""Warping a face to the crop the recogniser was trained on."""

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.errors import DegenerateLandmarks

SIDE = 112
"""Side of the canonical crop in pixels."""

REFERENCE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float64,
)
"""Where the five landmarks come to lie, pixels of the crop (Deng et al., ArcFace, CVPR 2019)."""

_LEAST_FLATNESS = 1e-3
_LEAST_SPREAD = 1e-3


def align(image: NDArray[np.uint8], landmarks: NDArray[np.float32], side: int = SIDE) -> NDArray[np.uint8]:
    """Warp one face to the canonical crop.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        landmarks: pixels, shape (5, 2): left eye, right eye, nose, left and right mouth corner.
        side: of the crop in pixels; the reference of 112 pixels grows with it.

    Returns:
        RGB, uint8, shape (side, side, 3); black where the picture ends.

    Raises:
        DegenerateLandmarks: the five points lie on one line or in one point.
    """
    matrix = similarity(landmarks) * (side / SIDE)
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def similarity(landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Find the rotation, scale and shift that bring landmarks closest to their reference; never a reflection.

    Args:
        landmarks: pixels, shape (5, 2).

    Returns:
        Matrix of shape (2, 3) that maps picture pixels to crop pixels.

    Raises:
        DegenerateLandmarks: the five points lie on one line or in one point, or are not finite.

    Least-squares similarity transform: Umeyama, IEEE TPAMI 13(4), 1991, eqs. 39-43.
    """
    points = landmarks.astype(np.float64)
    _require_spread(points)
    source_mean, target_mean = points.mean(axis=0), REFERENCE.mean(axis=0)
    source, target = points - source_mean, REFERENCE - target_mean
    left, singular, right = np.linalg.svd(target.T @ source / len(points))
    sign = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    rotation = left @ np.diag(sign) @ right
    scale = float(singular @ sign) / float((source**2).sum() / len(points))
    shift = target_mean - scale * rotation @ source_mean
    return np.column_stack([scale * rotation, shift])


def _require_spread(points: NDArray[np.float64]) -> None:
    if points.shape != (5, 2):
        raise ValueError(f"Landmarks have shape (5, 2), not {points.shape}.")
    if np.isfinite(points).all():
        spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        if spread[0] > _LEAST_SPREAD and spread[1] > _LEAST_FLATNESS * spread[0]:
            return
    raise DegenerateLandmarks(
        "The five landmarks lie on one line.",
        expected="two eyes, a nose and two mouth corners that span a plane.",
        remedy="Take the picture again with the face towards the camera.",
    )
