"""Finding faces and their five landmarks."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid import layouts
from faceid.errors import ModelsUnavailable
from faceid.manifest import Axes, DetectorModel
from faceid.pixels import filled, tensor_of
from faceid.session import Session

MAX_SIDE: Final = 640
"""Frames are shrunk to this side before detection: a quarter of the work, and no face of a viewer is lost."""

SIDES: Final = (MAX_SIDE,)
MULTISCALE: Final = (320, 640, 1280)
"""Sides for pictures that hold both faces that fill them and faces of a few pixels, at five times the work."""

SCORE_THRESHOLD: Final = 0.7
OVERLAP_THRESHOLD: Final = 0.3
LEAST_SIDE: Final = 32
LARGEST_SIDE: Final = 2048
_MOST_CANDIDATES: Final = 2000
_MOST_PIXELS: Final = 4 * 640 * 640
"""Pixels of one run at most: beyond that a batch gains nothing and its memory grows."""

Picture: TypeAlias = NDArray[np.uint8]


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


class Detector:
    """A detector of faces, by default YuNet: Wu et al., Machine Intelligence Research 20, 2023."""

    __slots__ = ("_exactly", "_fixed", "_grid", "model", "session")

    def __init__(self, session: Session, model: DetectorModel) -> None:
        """Feed a session as its model declares.

        Raises:
            ModelsUnavailable: the network lacks an input or output that the declaration names.
        """
        self.session, self.model = session, model
        shape = session.inputs.get(model.input.name)
        missing = set(layouts.output_names(model)) - set(session.outputs)
        if shape is None or len(shape) != 4 or missing:
            raise ModelsUnavailable(
                f"The detector {model.model.file} has inputs {[*session.inputs]} and outputs {[*session.outputs]}.",
                expected=f"input {model.input.name!r} of four axes and outputs {[*layouts.output_names(model)]}.",
                remedy="Declare in the manifest what the file has.",
            )
        self._exactly = shape[0]
        height, width = (shape[2], shape[3]) if model.input.axes is Axes.NCHW else (shape[1], shape[2])
        self._fixed = None if height is None or width is None else (height, width)
        self._grid = layouts.grid_of(model)

    def faces(self, image: Picture, *, threshold: float = SCORE_THRESHOLD, sides: Sequence[int] = SIDES) -> list[Face]:
        """Find all faces in a picture.

        Args:
            image: RGB, uint8, shape (height, width, 3).
            threshold: least score, 0 to 1.
            sides: the picture is looked at once per distinct size it has when shrunk to these sides, 32 to 2,048
                pixels; never enlarged. Finds of several sizes are merged. A network of a fixed size ignores them.

        Returns:
            Faces by area, largest first, in pixels of ``image``.

        Raises:
            ValueError: no side, or one beyond 32 to 2,048 pixels.
        """
        return self.batch([image], threshold=threshold, sides=sides)[0]

    def batch(
        self, images: Sequence[Picture], *, threshold: float = SCORE_THRESHOLD, sides: Sequence[int] = SIDES
    ) -> list[list[Face]]:
        """Find all faces in several pictures; those of equal size share a run of the network.

        Args:
            images: RGB, uint8, each of shape (height, width, 3).
            threshold, sides: see :meth:`faces`.

        Returns:
            Per picture what :meth:`faces` returns; nothing for no pictures.

        Raises:
            ValueError: no side, or one beyond 32 to 2,048 pixels.
        """
        if not sides or any(not LEAST_SIDE <= side <= LARGEST_SIDE for side in sides):
            raise ValueError(f"Sides are {LEAST_SIDE} to {LARGEST_SIDE} pixels, at least one; not {list(sides)}.")
        found: list[list[NDArray[np.float32]]] = [[] for _ in images]
        for positions, scale, canvas in self._runs(images, sides):
            views = [_view(images[position], scale, canvas) for position in positions]
            outputs = self._run(views)
            for item, position in enumerate(positions):
                rows = layouts.decode(outputs, item, canvas, threshold, self.model)
                rows[:, :14] /= np.float32(scale)
                found[position].append(rows)
        return [_faces(np.concatenate(rows)) for rows in found]

    def _run(self, views: Sequence[Picture]) -> dict[str, NDArray[np.float32]]:
        outputs = self.session.run({self.model.input.name: tensor_of(filled(views, self._exactly), self.model.input)})
        return dict(zip(self.session.outputs, outputs, strict=True))

    def _runs(
        self, images: Sequence[Picture], sides: Sequence[int]
    ) -> Iterator[tuple[list[int], float, tuple[int, int]]]:
        """Plan the runs: which pictures, at which scale, on a canvas of which height and width."""
        alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for position, image in enumerate(images):
            alike[image.shape[:2]].append(position)
        for (height, width), positions in alike.items():
            for scale, canvas in self._scales(height, width, sides):
                most = self._exactly or max(1, _MOST_PIXELS // (canvas[0] * canvas[1]))
                for begin in range(0, len(positions), most):
                    yield positions[begin : begin + most], scale, canvas

    def _scales(self, height: int, width: int, sides: Sequence[int]) -> list[tuple[float, tuple[int, int]]]:
        if self._fixed is not None:
            return [(min(1.0, self._fixed[0] / height, self._fixed[1] / width), self._fixed)]
        scales = sorted({min(1.0, side / max(height, width)) for side in sides})
        return [(scale, self._canvas(height, width, scale)) for scale in scales]

    def _canvas(self, height: int, width: int, scale: float) -> tuple[int, int]:
        tall, wide = _scaled(height, width, scale)
        return -(-tall // self._grid) * self._grid, -(-wide // self._grid) * self._grid


def _view(image: Picture, scale: float, canvas: tuple[int, int]) -> Picture:
    """Shrink a picture and pad it with black at the right and the bottom."""
    height, width = _scaled(image.shape[0], image.shape[1], scale)
    if scale < 1.0:
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if (height, width) == canvas:
        return image
    padding = (0, canvas[0] - height, 0, canvas[1] - width)
    return np.asarray(cv2.copyMakeBorder(image, *padding, cv2.BORDER_CONSTANT, value=(0, 0, 0)), dtype=np.uint8)


def _scaled(height: int, width: int, scale: float) -> tuple[int, int]:
    return max(1, round(height * scale)), max(1, round(width * scale))


def _faces(rows: NDArray[np.float32]) -> list[Face]:
    rows = rows[np.argsort(-rows[:, 14], kind="stable")[:_MOST_CANDIDATES]]
    faces = [Face(box=row[:4], score=float(row[14]), landmarks=row[4:14].reshape(5, 2)) for row in _suppress(rows)]
    return sorted(faces, key=lambda face: float(face.box[2] * face.box[3]), reverse=True)


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
