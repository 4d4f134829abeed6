"""A photograph made to move: turns, blinks, smiles, comes closer, and is lit, as a head before a camera is.

Everything this makes is synthetic. It moves one photograph's pixels over a smooth head, so it shows no new skin behind
a turned cheek and no eyelid that the photograph did not have; it serves tests and calibration, never evidence.
"""

from dataclasses import dataclass, field
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Grid = NDArray[np.float32]

_WIDTH, _HEIGHT, _DEPTH = 1.05, 1.45, 1.1
"""Half axes of the head in distances between the eyes: across, down, towards the camera."""

_NOSE_DEPTH, _NOSE_WIDTH, _NOSE_HEIGHT = 0.4, 0.3, 0.4
_FALLOFF = 0.7
_LID = 0.16
"""Where the lower lid ends below the middle of the eye."""

_BEHIND = 0.15
"""Share of a light before the face that reaches what is behind it: the inverse square of about 2.6 times its way."""

SIGNATURE = np.array([0.33, 0.77, 0.53], dtype=np.float32)
"""How strongly red, green and blue follow the blood volume (de Haan & van Leest, Physiol. Meas. 35, 2014)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How the head is held and lit at one time.

    Attributes:
        yaw: degrees; positive turns the nose to the right of the picture, which is the person's own left.
        closed: of both eyes, 0 open to 1 shut.
        smile: 0 to 1.
        nearer: factor on the size of the head; 1 as photographed.
        shift: how far the head moved right and down, in distances between the eyes.
        pulse: relative change of the blood volume in the skin, about -0.01 to 0.01.
        light: red, green and blue light from before the face, in units of the light that was there.
    """

    yaw: float = 0.0
    closed: float = 0.0
    smile: float = 0.0
    nearer: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    pulse: float = 0.0
    light: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """One photograph and where the face is in it.

    Attributes:
        image: RGB, uint8, shape (height, width, 3).
        landmarks: pixels, shape (5, 2), as :class:`faceid.detect.Face` has them.
        skin: how much of each pixel is face, float32, shape (height, width), 0 to 1.
    """

    image: Image
    landmarks: NDArray[np.float32]
    skin: Grid = field(repr=False)
    _grid: tuple[Grid, Grid] = field(repr=False)
    _shut: Image = field(repr=False)

    @classmethod
    def of(cls, image: Image, landmarks: NDArray[np.float32]) -> Self:
        """Prepare a photograph whose face looks into the camera."""
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
        points = np.stack([columns.ravel(), rows.ravel()], axis=1)
        across, down = (points @ _axes(landmarks).T + _origin(landmarks)).T
        shape = image.shape[:2]
        grid = across.reshape(shape).astype(np.float32), down.reshape(shape).astype(np.float32)
        inside = (grid[0] / _WIDTH) ** 2 + (grid[1] / _HEIGHT) ** 2
        skin = np.clip((1.15 - inside) / 0.3, 0.0, 1.0).astype(np.float32)
        return cls(image, landmarks, skin, grid, _shut(image, landmarks))

    def frame(self, moment: Moment) -> NDArray[np.float32]:
        """Return the picture at one moment: RGB, float32, shape (height, width, 3), 0 to 255."""
        across, down = self._grid
        x, y = self._approached(moment)
        source_x, source_y = _turned(x, y, moment.yaw)
        source_x, source_y = self._mimed(source_x, source_y, moment.smile)
        step_x, step_y = source_x - across, source_y - down
        back = np.linalg.inv(_axes(self.landmarks)).astype(np.float32)
        rows, columns = np.mgrid[: self.image.shape[0], : self.image.shape[1]].astype(np.float32)
        columns += back[0, 0] * step_x + back[0, 1] * step_y
        rows += back[1, 0] * step_x + back[1, 1] * step_y
        moved = cv2.remap(self._blinking(moment.closed), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return self._lit(moved.astype(np.float32), moment)

    def _blinking(self, closed: float) -> Image:
        """Return the photograph with the lids lowered: shut above the lid's line, as it was below."""
        if not closed:
            return self.image
        eyes = float((self.landmarks[:2] @ _axes(self.landmarks).T + _origin(self.landmarks))[:, 1].mean())
        line = eyes - _LID + closed * 2.2 * _LID
        share = np.clip((line - self._grid[1]) / 0.04, 0.0, 1.0)[..., None]
        return np.asarray(share * self._shut + (1.0 - share) * self.image, dtype=np.uint8)

    def _approached(self, moment: Moment) -> tuple[Grid, Grid]:
        """Undo size and shift near the head and leave the distance as it is."""
        across, down = self._grid
        near = np.exp(-((across / 2.6) ** 4) - (down / 3.2) ** 4)
        factor = (1.0 + (1.0 / moment.nearer - 1.0) * near).astype(np.float32)
        shift_x, shift_y = moment.shift
        return (
            ((across - shift_x * near) * factor).astype(np.float32),
            ((down - shift_y * near) * factor).astype(np.float32),
        )

    def _mimed(self, x: Grid, y: Grid, smile: float) -> tuple[Grid, Grid]:
        """Pull the corners of the mouth apart and up."""
        if not smile:
            return x, y
        points = self.landmarks @ _axes(self.landmarks).T + _origin(self.landmarks)
        for corner, side in zip(points[3:], (-1.0, 1.0), strict=True):
            near = np.exp(-(((x - corner[0]) / 0.28) ** 2) - ((y - corner[1]) / 0.22) ** 2)
            x = (x - side * 0.09 * smile * near).astype(np.float32)
            y = (y + 0.07 * smile * near).astype(np.float32)
        return x, y

    def _lit(self, image: NDArray[np.float32], moment: Moment) -> NDArray[np.float32]:
        """Add the pulse and the light from before the face; light adds in linear units (IEC 61966-2-1, as a power)."""
        gain = np.ones((*image.shape[:2], 3), dtype=np.float32)
        if any(moment.light):
            reach = _BEHIND + (1.0 - _BEHIND) * self.skin * (0.75 + 0.25 * _depth(*self._grid) / _DEPTH)
            gain += reach[..., None] * np.array(moment.light, dtype=np.float32)
        if moment.pulse:
            gain *= 1.0 - moment.pulse * self.skin[..., None] * SIGNATURE
        if any(moment.light) or moment.pulse:
            image = np.asarray(image * gain ** np.float32(1.0 / 2.2), dtype=np.float32)
        return np.minimum(image, 255.0).astype(np.float32)


def _axes(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Matrix (2, 2) from pixels to distances between the eyes, along and across the line of the eyes."""
    axis = landmarks[1] - landmarks[0]
    return np.array([[axis[0], axis[1]], [-axis[1], axis[0]]], dtype=np.float32) / np.float32(axis @ axis)


def _origin(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shift that puts the middle between eyes and mouth at zero."""
    middle = (landmarks[:2].mean(axis=0) + landmarks[3:].mean(axis=0)) / 2
    moved: NDArray[np.float32] = (-middle @ _axes(landmarks).T).astype(np.float32)
    return moved


def _depth(x: Grid, y: Grid) -> Grid:
    """Depth of the head towards the camera, in distances between the eyes; smooth, so that turns hardly fold it."""
    head = _DEPTH * np.exp(-_FALLOFF * ((x / _WIDTH) ** 2 + (y / _HEIGHT) ** 2))
    nose = _NOSE_DEPTH * np.exp(-((x / _NOSE_WIDTH) ** 2) - ((y - 0.05) / _NOSE_HEIGHT) ** 2)
    return (head + nose).astype(np.float32)


def _turned(x: Grid, y: Grid, yaw: float) -> tuple[Grid, Grid]:
    """Find where a point of the turned head was before the turn: x' = x + z(x, y) sin(yaw), solved by iteration."""
    if not yaw:
        return x, y
    reach = np.float32(np.sin(np.radians(yaw)))
    source: Grid = x
    for _ in range(6):
        source = np.asarray(x - reach * _depth(source, y), dtype=np.float32)
    return source, y


def _shut(image: Image, landmarks: NDArray[np.float32]) -> Image:
    """Lay the skin below each eye, mirrored, over the eye, and draw the lashes of a lid that is shut."""
    axis = landmarks[1] - landmarks[0]
    unit = float(np.hypot(*axis))
    down = np.array([-axis[1], axis[0]], dtype=np.float32) / unit
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    shut = image.astype(np.float32)
    for eye in landmarks[:2]:
        along = ((columns - eye[0]) * axis[0] + (rows - eye[1]) * axis[1]) / unit**2
        below = ((columns - eye[0]) * down[0] + (rows - eye[1]) * down[1]) / unit
        step = (2.0 * (_LID - np.minimum(below, _LID)) * unit).astype(np.float32)
        skin = cv2.remap(shut, columns + step * down[0], rows + step * down[1], cv2.INTER_LINEAR)
        inside = (along / 0.27) ** 2 + (below / 0.16) ** 2
        lid = (np.clip((1.25 - inside) / 0.5, 0.0, 1.0) * (below < _LID))[..., None]
        lashes = np.exp(-(((below - 0.06 + 0.6 * along**2) / 0.016) ** 2)) * (np.abs(along) < 0.2)
        shut = (1.0 - lid) * shut + lid * skin
        shut *= 1.0 - 0.6 * lashes[..., None]
    return np.asarray(np.clip(shut, 0.0, 255.0), dtype=np.uint8)
