"""Pictures whose colour order is known: the only ones the pipeline looks at."""

from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from faceid.errors import ColourUnknown

Pixels: TypeAlias = NDArray[np.uint8]


class Frame(np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]):
    """RGB pixels, uint8, shape (height, width, 3), read-only.

    Made by :func:`faceid.image.decode`, :func:`from_rgb` and :func:`from_bgr` alone. Whatever is computed from a frame
    (slices, turns, copies) is an array without a known colour order again, since ``frame[..., ::-1]`` looks like any
    other slice; whoever made it says what it is. Never shows its pixels.
    """

    _rgb: bool

    def __array_finalize__(self, origin: object) -> None:
        """Forget the colour order in everything numpy derives from a frame."""
        self._rgb = False

    def __repr__(self) -> str:
        """Name the sides, never the pixels."""
        return f"Frame(shape={self.shape})"

    __str__ = __repr__

    @classmethod
    def _known(cls, pixels: Pixels) -> Self:
        frame = np.ascontiguousarray(pixels).view(cls)
        frame._rgb = True
        frame.flags.writeable = False
        return frame


def from_rgb(pixels: Pixels) -> Frame:
    """Vouch for an array being RGB.

    Args:
        pixels: RGB, uint8, shape (height, width, 3). Shared, not copied, where its memory is contiguous.

    Raises:
        ColourUnknown: not an array of that kind.
    """
    return Frame._known(_checked(pixels))


def from_bgr(pixels: Pixels) -> Frame:
    """Turn an array as OpenCV reads it from files and cameras into a frame.

    Args:
        pixels: BGR, uint8, shape (height, width, 3).

    Raises:
        ColourUnknown: not an array of that kind, or a frame, which is RGB already.
    """
    if isinstance(pixels, Frame) and pixels._rgb:
        raise _unknown("A frame, which is RGB, was called BGR.")
    return Frame._known(_checked(pixels)[..., ::-1])


def require(frame: Frame) -> Pixels:
    """Return a frame's pixels as a plain array: RGB, uint8, shape (height, width, 3).

    Raises:
        ColourUnknown: ``frame`` is an array whose colour order nobody vouched for.
    """
    if not isinstance(frame, Frame) or not frame._rgb:
        raise _unknown("An array came where a frame is needed: it may be RGB or BGR.")
    return frame.view(np.ndarray)


def _checked(pixels: Any) -> Pixels:
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        described = f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise _unknown(f"A frame cannot be made of {described}.")
    if not pixels.size:
        raise _unknown("A frame cannot be made of no pixels.")
    return pixels.view(np.ndarray)


def _unknown(happened: str) -> ColourUnknown:
    return ColourUnknown(
        happened,
        expected="the result of faceid.image.decode, faceid.frame.from_rgb or faceid.frame.from_bgr.",
        remedy="Say what the array of uint8, shape (height, width, 3), is with from_rgb or from_bgr.",
    )
