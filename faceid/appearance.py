"""What eyes, mouth and cheeks look like where the dense landmarks say they are: covered or not, evenly lit or not.

ISO/IEC 29794-5:2025 names the components "eyes visible", "mouth occlusion prevention" and "illumination uniformity".
Its reference implementation finds coverings with a segmentation network. Without one the first two are measured by
signs that a covered eye or mouth lacks, whatever covers it. Each sign is scaled to 0 (covered) to 1 (visible), and the
weakest decides. The scales were set on photographs with drawn sunglasses, bars, hair, hands, masks and scarves.
"""

from dataclasses import dataclass, field
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.mesh import EYE_CORNERS, Eye, Mesh

SIDE = 256
"""Side of the picture of the face that is looked at, pixels; its eyes lie about 90 pixels apart."""

OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_SKIN = (
    (9, 108, 151, 337),
    (6, 122, 196, 197, 419, 351),
    (195, 3, 248),
    (50, 101, 36, 205),
    (280, 330, 266, 425),
    (117, 118, 101, 50),
    (346, 347, 330, 280),
    (199, 201, 421),
)
"""Patches of forehead, nose, cheeks and chin: whatever covers eyes or mouth leaves most of them free."""

_INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
_ROOM = 1.15
_ZONE = 0.3
_BINS = 32


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """The face upright in a square, with its landmarks.

    Attributes:
        light: CIE L*, 0 to 100, float32, shape (256, 256).
        red: CIE a*, float32, shape (256, 256).
        points: float64, shape (468, 2), pixels of the square.
        eyes: contour, float64, shape (71, 2), and iris, shape (5, 2), of the left and the right eye.
        skin: median L* and a* of the skin.
        apart: distance between the eyes, pixels of the square.
    """

    light: NDArray[np.float32] = field(repr=False)
    red: NDArray[np.float32] = field(repr=False)
    points: NDArray[np.float64] = field(repr=False)
    eyes: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...] = field(repr=False)
    skin: tuple[float, float]
    apart: float

    @classmethod
    def of(cls, image: NDArray[np.uint8], mesh: Mesh, eyes: tuple[Eye, Eye]) -> Self:
        """Cut the face out of a picture.

        Args:
            image: RGB, uint8, shape (height, width, 3).
            mesh, eyes: the landmarks of the face in ``image``.
        """
        matrix = mesh.view(_ROOM, SIDE)
        points = _mapped(mesh.points[:, :2], matrix)
        crop = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
        colours = np.asarray(cv2.cvtColor(crop.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB), dtype=np.float32)
        patches = [colours[_inside(cv2.convexHull(_f32(points[list(patch)]))[:, 0])] for patch in _SKIN]
        medians = np.array([np.median(patch, axis=0) for patch in patches if len(patch)])
        skin = np.median(medians, axis=0) if len(medians) else np.array([50.0, 0.0, 0.0])
        left, right = (points[list(corners)].mean(axis=0) for corners in EYE_CORNERS)
        return cls(
            light=colours[..., 0],
            red=colours[..., 1],
            points=points,
            eyes=tuple((_mapped(eye.contour, matrix), _mapped(eye.iris, matrix)) for eye in eyes),
            skin=(float(skin[0]), float(skin[1])),
            apart=max(float(np.linalg.norm(right - left)), 1.0),
        )

    def smooth(self, share: float) -> NDArray[np.float32]:
        """Return L* without detail finer than a share of the distance between the eyes."""
        return np.asarray(cv2.GaussianBlur(self.light, (0, 0), self.apart * share), dtype=np.float32)


def uniformity(portrait: Portrait) -> float:
    """Measure how alike the light on both cheeks is: overlap of their luminance histograms, 0 to 1.

    "Illumination uniformity" of ISO/IEC 29794-5:2025: squares of 0.3 eye distances, half-way from eyes to mouth. In 32
    bins of lightness instead of 256 of luminance, since these squares have fewer pixels than there are bins.
    """
    left, right = (portrait.points[list(corners)].mean(axis=0) for corners in EYE_CORNERS)
    mouth = portrait.points[list(OUTER_LIPS)].mean(axis=0)
    side = _ZONE * portrait.apart
    drop = np.array([0.0, float(np.linalg.norm(mouth - (left + right) / 2)) / 2])
    zones = [_square(left + drop, side), _square(right + drop + [-side, 0.0], side)]
    shares = []
    for zone in zones:
        counts = np.histogram(portrait.light[_inside(zone)], bins=_BINS, range=(0.0, 100.0))[0]
        shares.append(counts / max(int(counts.sum()), 1))
    return float(np.minimum(*shares).sum())


def eyes_visible(portrait: Portrait) -> float:
    """Measure how surely both eyes can be seen, 0 to 1: the weakest sign of the worse eye.

    Signs: light varies around the eye and within its opening (nothing varies under sunglasses and bars), and it varies
    as an eye does, dark along the upper lid and in the iris (not as hair, fingers or a pattern do); and both eyes have
    about as much detail (a hand over one of them has less, or more).
    """
    smooth = portrait.smooth(1 / 60)
    each = (_eye_visible(portrait, smooth, contour, iris) for contour, iris in portrait.eyes)
    return min(*each, _sign(_balance(portrait, smooth), 0.35, 0.85))


def mouth_visible(portrait: Portrait) -> float:
    """Measure how surely the mouth can be seen, 0 to 1: the weakest sign.

    Signs: light changes on the lips at all (not on a mask), and from above to below rather than from side to side (as
    between fingers); the lips are neither far darker nor lighter than the skin, nor far less red.
    """
    points = portrait.points
    lips = _inside(points[list(OUTER_LIPS)]) & ~_inside(points[list(_INNER_LIPS)])
    if not lips.any():
        return 0.0
    smooth = portrait.smooth(1 / 60)
    aside, below = (cv2.Sobel(smooth, cv2.CV_32F, *order)[lips] ** 2 for order in ((1, 0), (0, 1)))
    strength = float(np.sqrt((aside + below).mean()))
    direction = float(below.sum() / max(float((aside + below).sum()), 1e-3))
    lighter = float(np.median(portrait.light[lips])) - portrait.skin[0]
    redder = float(np.median(portrait.red[lips])) - portrait.skin[1]
    return min(
        _sign(strength, 2.0, 20.0),
        _sign(direction, 0.35, 0.90),
        _sign(lighter, -60.0, -30.0),
        _sign(lighter, 10.0, -2.0),
        _sign(redder, -14.0, 0.0),
    )


def _eye_visible(
    portrait: Portrait, smooth: NDArray[np.float32], contour: NDArray[np.float64], iris: NDArray[np.float64]
) -> float:
    low, high = contour[:16].min(axis=0), contour[:16].max(axis=0)
    margin = portrait.apart / 10
    zone = _inside(_box(low - margin, high + margin))
    opening = _inside(np.concatenate([contour[:9], contour[15:8:-1]]))
    if not opening.any():
        return 0.0
    drawn = _drawn_eye(portrait, contour, iris, opening)
    return min(
        _sign(float(portrait.light[zone].std()), 2.0, 10.0),
        _sign(float(smooth[opening].std()), 0.5, 8.0),
        _sign(_correlation(smooth[zone], drawn[zone]), -0.3, 0.5),
    )


def _balance(portrait: Portrait, smooth: NDArray[np.float32]) -> float:
    """Compare the detail around both eyes: the lesser standard deviation of light over the greater, 0 to 1.

    Light that changes over a fifth of the distance between the eyes or more is left out: it may come from one side.
    """
    detail = smooth - portrait.smooth(1 / 5)
    size = (2 * int(0.34 * portrait.apart) + 1, 2 * int(0.24 * portrait.apart) + 1)
    centres = (portrait.points[list(corners)].mean(axis=0) for corners in EYE_CORNERS)
    one, other = (
        float(cv2.getRectSubPix(detail, size, (float(np.clip(x, 0, SIDE)), float(np.clip(y, 0, SIDE)))).std())
        for x, y in centres
    )
    return min(one, other) / max(one, other, 1e-3)


def _drawn_eye(
    portrait: Portrait, contour: NDArray[np.float64], iris: NDArray[np.float64], opening: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Draw what an eye looks like in grey: dark iris, dark upper lashes, a fainter lower lid."""
    radius = float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean())
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    disc = np.hypot(columns - iris[0, 0], rows - iris[0, 1]) < radius
    drawn = np.where(disc & opening, np.float32(1.0), np.float32(0.0))
    upper = np.concatenate([contour[:1], contour[9:16], contour[8:9]])
    drawn = np.maximum(drawn, np.maximum(0.8 * _line(upper, 2), 0.4 * _line(contour[:9], 1)))
    return -np.asarray(cv2.GaussianBlur(drawn.astype(np.float32), (0, 0), portrait.apart / 45), dtype=np.float32)


def _sign(value: float, covered: float, visible: float) -> float:
    return max(0.0, min(1.0, (value - covered) / (visible - covered)))


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size > 1e-6 else 0.0


def _inside(outline: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Mark the pixels of the square within an outline of shape (n, 2)."""
    mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
    cv2.fillPoly(mask, [_pixels(outline)], 1)
    return mask.astype(np.bool_)


def _line(points: NDArray[np.float64], thickness: int) -> NDArray[np.float32]:
    mask = np.zeros((SIDE, SIDE), dtype=np.float32)
    cv2.polylines(mask, [_pixels(points * 8)], False, 1.0, thickness, cv2.LINE_AA, 3)
    return mask


def _pixels(points: NDArray[np.floating]) -> NDArray[np.int32]:
    """Round to pixels; points far outside are brought near, where OpenCV's arithmetic is safe."""
    return np.clip(np.round(points), -16 * SIDE, 16 * SIDE).astype(np.int32)


def _box(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])


def _square(corner: NDArray[np.float64], side: float) -> NDArray[np.float64]:
    return _box(corner, corner + side)


def _mapped(points: NDArray[np.floating], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    mapped: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped


def _f32(points: NDArray[np.float64]) -> NDArray[np.float32]:
    return points.astype(np.float32)
