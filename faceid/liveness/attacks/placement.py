"""Where a picture, on whatever it is shown, comes to lie before the camera."""

import math
from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import Face
from faceid.liveness.attacks.light import log_uniform

EYES = (28.0, 90.0)
"""Eye distance of made presentations, pixels: a walker-by at a screen up to somebody who enrols at a kiosk."""

_MOST_ENLARGED = 1.5
_FOCAL = 1.3
"""Focal length in frame sides, that of a usual webcam."""


@dataclass(frozen=True, slots=True)
class Bend:
    """A sheet's bend: a cylinder along one direction and a gentle wave, as displacement on the sheet.

    Attributes:
        amount: greatest displacement, share of the sheet's width.
        angle: direction across the bend, radians.
        phase, waves: where the bend is and how often it repeats over the sheet.
    """

    amount: float
    angle: float
    phase: float
    waves: float

    def shift(self, across: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how far the bend displaces the sheet along :attr:`angle`, shares of its width.

        Args:
            across: places across the bend, shares of the width, float32, any shape.

        Returns:
            -``amount`` to ``amount``, float32, shape as ``across``.
        """
        return np.asarray(self.amount * np.sin(2 * np.pi * self.waves * across + self.phase), dtype=np.float32)

    def slope(self, across: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how steeply the sheet leans towards the light, -1 to 1.

        Args:
            across: places across the bend, shares of the width, float32, any shape.

        Returns:
            float32, shape as ``across``; 1 leans most towards the light.
        """
        return np.asarray(np.cos(2 * np.pi * self.waves * across + self.phase), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Perspective view of a flat or bent picture.

    Attributes:
        matrix: homography from picture pixels to frame pixels; float64, shape (3, 3).
        scale: frame pixels per picture pixel at the face.
        size: height and width of the frame, pixels.
        width: width of the picture, pixels; the unit of ``bend``.
        bend: None for a flat picture.
    """

    matrix: NDArray[np.float64]
    scale: float
    size: tuple[int, int]
    width: int
    bend: Bend | None = None

    @classmethod
    def draw(
        cls, generator: np.random.Generator, image: NDArray[np.uint8], face: Face, *, side: int, tilt: float
    ) -> Self:
        """Draw a view of a picture in which its face is as large as people's faces are before a camera.

        Args:
            generator: source of chance.
            image: the picture, RGB, uint8.
            face: its face.
            side: larger side of the frame, pixels.
            tilt: greatest turn of the picture out of the frame's plane, degrees.
        """
        size = frame_size(image, side)
        scale = eye_distance(generator, size, face) / max(face.eye_distance, 1.0)
        spot = np.array(size[::-1]) * generator.uniform(0.4, 0.6, 2)
        turn = generator.uniform(-12.0, 12.0)
        tilts = generator.uniform(-tilt, tilt, 2)
        matrix = _view(face.landmarks.mean(axis=0), scale, spot, np.radians([turn, *tilts]), max(size))
        return cls(matrix, scale, size, image.shape[1])

    @classmethod
    def draw_direct(cls, generator: np.random.Generator, image: NDArray[np.uint8], face: Face, *, side: int) -> Self:
        """Draw a view of the scene of a picture itself, whose surroundings fill the frame.

        Args:
            generator: source of chance.
            image: the picture, RGB, uint8.
            face: its face.
            side: larger side of the frame at most, pixels.
        """
        scale = eye_distance(generator, frame_size(image, side), face) / max(face.eye_distance, 1.0)
        whole = np.array(image.shape[1::-1]) * scale
        extent = np.minimum(whole, side).round().clip(32)
        centre = face.landmarks.mean(axis=0)
        wanted = extent * generator.uniform(0.4, 0.6, 2)
        least, most = extent - scale * (image.shape[1::-1] - centre), scale * centre
        spot = np.clip(wanted, np.minimum(least, most), np.maximum(least, most))
        angles = np.radians([generator.uniform(-8.0, 8.0), *generator.uniform(-3.0, 3.0, 2)])
        size = int(extent[1]), int(extent[0])
        return cls(_view(centre, scale, spot, angles, max(size)), scale, size, image.shape[1])

    def bent(self, bend: Bend) -> Self:
        """Return this view of a bent picture."""
        return replace(self, bend=bend)

    def jolted(self, generator: np.random.Generator, pixels: float) -> Self:
        """Return this view after the hand that holds the picture moved by about so many frame pixels."""
        along, down = generator.normal(0.0, pixels, 2)
        turn = generator.normal(0.0, pixels / max(self.size))
        centre = np.array(self.size[::-1]) / 2
        move = np.eye(3)
        move[:2] = cv2.getRotationMatrix2D(tuple(centre), math.degrees(turn), 1.0)
        move[:2, 2] += along, down
        return replace(self, matrix=move @ self.matrix)

    def coordinates(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return for every frame pixel the picture's x and y there, picture pixels; float32, shape ``size`` each."""
        height, width = self.size
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        inverse = np.linalg.inv(self.matrix).astype(np.float32)
        depth = inverse[2, 0] * columns + inverse[2, 1] * rows + inverse[2, 2]
        depth = np.where(np.abs(depth) < 1e-6, np.float32(1e-6), depth)
        x = np.asarray((inverse[0, 0] * columns + inverse[0, 1] * rows + inverse[0, 2]) / depth, dtype=np.float32)
        y = np.asarray((inverse[1, 0] * columns + inverse[1, 1] * rows + inverse[1, 2]) / depth, dtype=np.float32)
        if self.bend is None:
            return x, y
        shift = self.bend.shift(self.across(x, y)) * self.width
        return x + np.float32(math.cos(self.bend.angle)) * shift, y + np.float32(math.sin(self.bend.angle)) * shift

    def across(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how far across the bend places of the flat picture lie.

        Args:
            x, y: picture pixels, float32, of one shape.

        Returns:
            Shares of the picture's width, float32, the same shape; without a bend across the picture itself.
        """
        angle = self.bend.angle if self.bend else 0.0
        return np.asarray((math.cos(angle) * x + math.sin(angle) * y) / self.width, dtype=np.float32)

    def place(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map picture points, shape (n, 2), to frame pixels, float32, same shape."""
        flat = points.astype(np.float32)
        if self.bend is not None:
            direction = np.array([math.cos(self.bend.angle), math.sin(self.bend.angle)], dtype=np.float32)
            for _ in range(8):  # the bend is gentle, so this fixed point contracts fast
                shift = self.bend.shift(self.across(flat[:, 0], flat[:, 1])) * self.width
                flat = (points - shift[:, None] * direction).astype(np.float32)
        mapped = cv2.perspectiveTransform(flat[None].astype(np.float64), self.matrix)[0]
        return np.asarray(mapped, dtype=np.float32)

    def face(self, face: Face) -> Face:
        """Move a face of the picture into the frame."""
        left, top, width, height = (float(value) for value in face.box)
        corners = [[left, top], [left + width, top], [left + width, top + height], [left, top + height]]
        placed = self.place(np.array(corners, dtype=np.float32))
        low, high = placed.min(axis=0), placed.max(axis=0)
        return Face(np.concatenate([low, high - low]).astype(np.float32), face.score, self.place(face.landmarks))


def frame_size(image: NDArray[np.uint8], side: int) -> tuple[int, int]:
    """Return height and width of a frame in the picture's proportions with the given larger side, never enlarged."""
    factor = min(1.0, side / max(image.shape[:2]))
    return max(32, round(image.shape[0] * factor)), max(32, round(image.shape[1] * factor))


def eye_distance(generator: np.random.Generator, size: tuple[int, int], face: Face) -> float:
    """Draw the eye distance of a presentation: not beyond what the frame holds or the picture resolves."""
    most = min(EYES[1], 0.33 * min(size), _MOST_ENLARGED * face.eye_distance)
    return log_uniform(generator, min(EYES[0], most), most)


def _view(
    centre: NDArray[np.float32],
    scale: float,
    spot: NDArray[np.float64],
    angles: NDArray[np.float64],
    side: int,
) -> NDArray[np.float64]:
    """Project the picture's plane, turned about ``centre``, through a pinhole so that ``centre`` comes to ``spot``."""
    roll, pitch, yaw = angles
    spin = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    nod = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    rotation = turn @ nod @ spin
    focal = _FOCAL * side
    plane = np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]], dtype=np.float64)
    lens = np.column_stack([rotation[:, 0], rotation[:, 1], [0.0, 0.0, focal]])
    frame = np.array([[focal, 0, spot[0]], [0, focal, spot[1]], [0, 0, 1]])
    matrix = frame @ lens @ plane
    return np.asarray(matrix / matrix[2, 2], dtype=np.float64)
