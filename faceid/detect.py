"""Finding faces and their five landmarks with YuNet."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.session import Session

MAX_SIDE = 640
"""Frames are shrunk to this side before detection: a quarter of the work, and no face of a viewer is lost."""

SCORE_THRESHOLD = 0.7
OVERLAP_THRESHOLD = 0.3
_STRIDES = (8, 16, 32)
_GRID = 32
_MOST_CANDIDATES = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face found in a picture, in pixels of that picture.

    Attributes:
        box: left, top, width, height; float32, shape (4,). May reach beyond the picture.
        score: certainty of the detector, 0 to 1.
        landmarks: x and y of left eye, right eye, nose tip, left and right mouth corner, "left" being the left of
            the picture; float32, shape (5, 2).
    """

    box: NDArray[np.float32]
    score: float
    landmarks: NDArray[np.float32] = field(repr=False)

    @property
    def eye_distance(self) -> float:
        """Distance between the eyes' centres in pixels."""
        return float(np.linalg.norm(self.landmarks[1] - self.landmarks[0]))


@dataclass(frozen=True, slots=True)
class Detector:
    """YuNet: Wu et al., Machine Intelligence Research 20, 2023."""

    session: Session

    def faces(
        self, image: NDArray[np.uint8], *, threshold: float = SCORE_THRESHOLD, max_side: int = MAX_SIDE
    ) -> list[Face]:
        """Find all faces in a picture.

        Args:
            image: RGB, uint8, shape (height, width, 3).
            threshold: least score, 0 to 1.
            max_side: larger pictures are shrunk to this side first; pixels.

        Returns:
            Faces by area, largest first, in pixels of ``image``.
        """
        scale = min(1.0, max_side / max(image.shape[:2]))
        outputs = self.session.run({"input": network_input(image, scale)})
        named = dict(zip(self.session.outputs, outputs, strict=True))
        rows = _suppress(_decode(named, _padded(image, scale), threshold))
        faces = [_face(row, scale) for row in rows]
        return sorted(faces, key=lambda face: float(face.box[2] * face.box[3]), reverse=True)


def network_input(image: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    """Shrink, pad with black at the right and the bottom to multiples of 32, and lay out as the network wants it.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        scale: factor on both sides, 0 to 1.

    Returns:
        BGR, 0 to 255, float32, shape (1, 3, height, width).
    """
    if scale < 1.0:
        height, width = _scaled(image, scale)
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    height, width = image.shape[:2]
    padded_height, padded_width = _padded(image, 1.0)
    if (height, width) != (padded_height, padded_width):
        padding = (0, padded_height - height, 0, padded_width - width)
        image = np.asarray(cv2.copyMakeBorder(image, *padding, cv2.BORDER_CONSTANT, value=(0, 0, 0)), dtype=np.uint8)
    blob: NDArray[np.float32] = cv2.dnn.blobFromImage(image, swapRB=True).astype(np.float32, copy=False)
    return blob


def _scaled(image: NDArray[np.uint8], scale: float) -> tuple[int, int]:
    height, width = image.shape[:2]
    return max(1, round(height * scale)), max(1, round(width * scale))


def _padded(image: NDArray[np.uint8], scale: float) -> tuple[int, int]:
    height, width = _scaled(image, scale)
    return -(-height // _GRID) * _GRID, -(-width // _GRID) * _GRID


def _decode(named: dict[str, NDArray[np.float32]], size: tuple[int, int], threshold: float) -> NDArray[np.float32]:
    """Turn the grids of all strides into rows of box (4), landmarks (10) and score; shape (candidates, 15).

    As OpenCV's FaceDetectorYN does: centre and landmarks are offsets from the cell in strides, width and height
    logarithms of strides, and the score is the geometric mean of class and objectness.
    """
    found = []
    for stride in _STRIDES:
        classes, objects = named[f"cls_{stride}"][0, :, 0], named[f"obj_{stride}"][0, :, 0]
        scores = np.sqrt(np.clip(classes, 0.0, 1.0) * np.clip(objects, 0.0, 1.0))
        kept = np.flatnonzero(scores >= threshold)
        if not len(kept):
            continue
        columns = size[1] // stride
        cells = np.stack([kept % columns, kept // columns], axis=1).astype(np.float32)
        boxes, points = named[f"bbox_{stride}"][0, kept], named[f"kps_{stride}"][0, kept]
        sides = np.exp(boxes[:, 2:4]) * stride
        corners = (cells + boxes[:, :2]) * stride - sides / 2
        landmarks = (cells[:, None] + points.reshape(-1, 5, 2)) * stride
        found.append(np.concatenate([corners, sides, landmarks.reshape(-1, 10), scores[kept, None]], axis=1))
    if not found:
        return np.empty((0, 15), dtype=np.float32)
    rows = np.concatenate(found)
    return rows[np.argsort(-rows[:, 14], kind="stable")[:_MOST_CANDIDATES]]


def _suppress(rows: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Keep the best of overlapping rows; they come sorted by score."""
    kept = []
    while len(rows):
        best, rows = rows[0], rows[1:]
        kept.append(best)
        rows = rows[_overlap(best, rows) <= OVERLAP_THRESHOLD]
    return kept


def _overlap(one: NDArray[np.float32], many: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of one box with each of many; 0 to 1."""
    corner = np.maximum(one[:2], many[:, :2])
    opposite = np.minimum(one[:2] + one[2:4], many[:, :2] + many[:, 2:4])
    shared = np.prod(np.clip(opposite - corner, 0.0, None), axis=1)
    union = one[2] * one[3] + many[:, 2] * many[:, 3] - shared
    ratio: NDArray[np.float32] = shared / np.maximum(union, np.finfo(np.float32).tiny)
    return ratio


def _face(row: NDArray[np.float32], scale: float) -> Face:
    pixels = row[:14] / np.float32(scale)
    return Face(box=pixels[:4], score=float(row[14]), landmarks=pixels[4:14].reshape(5, 2))
