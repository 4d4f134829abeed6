"""Dense landmarks: 468 points of the face's surface, and the eyelids and irises more closely (MediaPipe)."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import Face
from faceid.optional import OptionalModels
from faceid.session import DEFAULT, Limits, OnnxSession, Session

MANIFEST = "mesh.json"
MESH_FILE = "mesh.onnx"
EYES_FILE = "eyes.onnx"

POINTS = 468
CONTOUR = 71
SIDE = 192
EYE_SIDE = 64

EYE_CORNERS = ((33, 133), (362, 263))
"""Points at the corners of the eyes, from left to right in the picture: of the left eye, then of the right."""

_FIRST_SIDE = 3.45
"""Side of the first crop in distances between the eyes' centres and the mouth's: the mesh's own crop, on average."""
_FIRST_CENTRE = 0.49
"""Where the first crop's centre lies on the way from the eyes to the mouth."""
_ROOM = 1.5
"""The network wants the face's bounding square one and a half times as large around it."""
_EYE_ROOM = 2.3


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """The surface of one face.

    Attributes:
        points: float32, shape (468, 3): x and y in pixels of the picture; depth in the same unit, smaller is nearer to
            the camera, 0 near the middle of the head. Numbered as MediaPipe's canonical face model.
        evidence: log-odds of the network that its crop shows a face: about 40 for a free face, below 20 for one that is
            half covered, negative for what is no face.
    """

    points: NDArray[np.float32] = field(repr=False)
    evidence: float

    @property
    def presence(self) -> float:
        """Certainty of the network that its crop shows a face, 0 to 1."""
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, self.evidence))))

    def view(self, room: float, side: int) -> NDArray[np.float64]:
        """Map pixels of the picture to a square of ``side`` pixels with the face upright in it; shape (2, 3).

        Args:
            room: side of the square over the longer side of the face's bounding box.
            side: pixels.
        """
        return _fitting(self.points, room).matrix(side)


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """One eye.

    Attributes:
        contour: float32, shape (71, 2), pixels of the picture: 0 to 8 the lower lid from the outer corner to the inner,
            9 to 15 the upper lid between them in the same direction, then rings around the eye and the eyebrow.
        iris: float32, shape (5, 2), pixels of the picture: its centre and four points of its rim.
    """

    contour: NDArray[np.float32] = field(repr=False)
    iris: NDArray[np.float32] = field(repr=False)

    @property
    def openness(self) -> float:
        """Mean height of the opening between the lids over the distance of its corners; about 0.3 open, 0.1 shut.

        The eye aspect ratio of Soukupova and Cech, CVWW 2016, over seven pairs of points instead of two.
        """
        lower, upper = self.contour[1:8], self.contour[9:16]
        width = float(np.linalg.norm(self.contour[8] - self.contour[0]))
        return float(np.linalg.norm(upper - lower, axis=1).mean()) / max(width, 1e-6)


@dataclass(frozen=True, slots=True)
class FaceMesh:
    """The two networks; safe to share between threads. Kartynnik et al., 2019; Ablavatski et al., 2020 (arXiv)."""

    surface: Session
    eyelids: Session

    @classmethod
    def load(cls, models_dir: Path, limits: Limits = DEFAULT) -> Self | None:
        """Load the networks below ``models_dir`` after checking their digests.

        Args:
            models_dir: models directory.
            limits: threads, memory and execution provider of each network.

        Returns:
            None where they were not installed: they are optional.

        Raises:
            ModelsUnavailable: a file is damaged or cannot run here.
        """
        models = OptionalModels.load(models_dir, MANIFEST)
        if models is None:
            return None
        return cls(OnnxSession(models_dir / MESH_FILE, limits), OnnxSession(models_dir / EYES_FILE, limits))

    def points(self, image: NDArray[np.uint8], face: Face) -> Mesh:
        """Find the surface of a face.

        Args:
            image: RGB, uint8, shape (height, width, 3).
            face: where the face is in ``image``.

        Looks twice: the first crop is guessed from the five landmarks, the second fits what the first showed, as when
        MediaPipe follows a face from frame to frame.
        """
        first = self._seen(image, _guessed(face))
        return self._seen(image, _fitting(first.points))

    def follow(self, image: NDArray[np.uint8], previous: Mesh) -> Mesh:
        """Find the surface of a face that was at ``previous`` a frame earlier, in one look instead of two."""
        return self._seen(image, _fitting(previous.points))

    def eyes(self, image: NDArray[np.uint8], mesh: Mesh) -> tuple[Eye, Eye]:
        """Look closely at both eyes of a face.

        Args:
            image: RGB, uint8, shape (height, width, 3).
            mesh: the surface of the face in ``image``.

        Returns:
            The left and the right eye as seen in the picture.
        """
        left, right = (self._eye(image, mesh.points[list(corners), :2], place) for place, corners in _PLACES)
        return left, right

    def _seen(self, image: NDArray[np.uint8], view: "_View") -> Mesh:
        surface, flag = self.surface.run({"input_1": view.network_input(image, SIDE)})
        points = surface.reshape(POINTS, 3).astype(np.float32)
        placed = np.column_stack([view.to_picture(points[:, :2], SIDE), points[:, 2] * np.float32(view.side / SIDE)])
        return Mesh(np.asarray(placed, dtype=np.float32), float(flag.reshape(())))

    def _eye(self, image: NDArray[np.uint8], corners: NDArray[np.float32], mirrored: bool) -> Eye:
        side = _EYE_ROOM * float(np.abs(corners[1] - corners[0]).max())
        view = _View(corners.mean(axis=0).astype(np.float64), max(side, 1.0), _angle(corners[1] - corners[0]), mirrored)
        contour, iris = self.eyelids.run({"input_1": view.network_input(image, EYE_SIDE)})
        places = (one.reshape(-1, 3)[:, :2].astype(np.float32) for one in (contour, iris))
        return Eye(*(view.to_picture(one, EYE_SIDE) for one in places))


_PLACES = tuple(zip((False, True), EYE_CORNERS, strict=True))
"""The network knows one eye only: the other is shown to it in a mirror."""


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A square cut out of the picture: its centre, side in pixels, turn in degrees, and whether it is mirrored."""

    centre: NDArray[np.float64]
    side: float
    angle: float
    mirrored: bool = False

    def matrix(self, side: int) -> NDArray[np.float64]:
        """Map pixels of the picture to pixels of a crop of ``side`` pixels; shape (2, 3)."""
        matrix = cv2.getRotationMatrix2D((float(self.centre[0]), float(self.centre[1])), self.angle, side / self.side)
        matrix[:, 2] += side / 2 - self.centre
        if self.mirrored:
            matrix[0] = np.array([0.0, 0.0, side]) - matrix[0]
        return np.asarray(matrix, dtype=np.float64)

    def network_input(self, image: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
        """Cut the square out: RGB, float32, 0 to 1, shape (1, side, side, 3); edges are repeated beyond the picture."""
        flags = cv2.INTER_LINEAR
        crop = cv2.warpAffine(image, self.matrix(side), (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(crop[None], dtype=np.float32) / np.float32(255.0)

    def to_picture(self, points: NDArray[np.float32], side: int) -> NDArray[np.float32]:
        """Map pixels of the crop, shape (n, 2), back to pixels of the picture."""
        inverse = cv2.invertAffineTransform(self.matrix(side))
        return np.asarray(points @ inverse[:, :2].T + inverse[:, 2], dtype=np.float32)


def _guessed(face: Face) -> _View:
    """Guess the crop from five landmarks."""
    points = face.landmarks.astype(np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    across, down = points[1] - points[0], mouth - eyes
    scale = max(float(np.hypot(*across)), float(np.hypot(*down)), 1.0)
    return _View(eyes + _FIRST_CENTRE * down, _FIRST_SIDE * scale, _angle(across))


def _fitting(points: NDArray[np.float32], room: float = _ROOM) -> _View:
    """Fit the crop to the surface: its bounding square, upright by the eyes' outer corners, with room around it."""
    angle = _angle(points[EYE_CORNERS[1][1], :2] - points[EYE_CORNERS[0][0], :2])
    flat = points[:, :2].astype(np.float64)
    turn = math.radians(angle)
    rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    upright = flat @ rotation.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    return _View((low + high) / 2 @ rotation, max(room * float((high - low).max()), 1.0), angle)


def _angle(across: NDArray[np.floating]) -> float:
    """Measure how far a line is from level, degrees, clockwise in the picture."""
    return math.degrees(math.atan2(float(across[1]), float(across[0])))
