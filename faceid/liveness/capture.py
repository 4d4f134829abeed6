"""What liveness is judged on: one or several looks at one face, and what else the camera gave."""

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import Face
from faceid.errors import InfraredMismatch
from faceid.frame import Frame, require


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One frame and the face in it.

    Attributes:
        image: RGB, uint8, shape (height, width, 3); the whole frame, since what surrounds a face gives a screen away.
        face: where the face is in ``image``.
        at: seconds since the capture's first frame; 0 for a still.
    """

    image: NDArray[np.uint8] = field(repr=False)
    face: Face
    at: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """Looks at one face, in order of time. Lives in memory only.

    Attributes:
        looks: one for a still, more for a video; at least one.
        infrared: a near-infrared frame taken together with the last look and registered with it: uint8, shape
            (height, width) of that look; None where the camera has no such sensor.
    """

    looks: tuple[Look, ...]
    infrared: NDArray[np.uint8] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what no method could judge.

        Raises:
            ValueError: no look, looks out of order, or an infrared frame of another shape than the last look.
        """
        if not self.looks:
            raise ValueError("A capture needs at least one look.")
        times = [look.at for look in self.looks]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("The looks of a capture must be in order of time, each later than the one before.")
        if self.infrared is not None and self.infrared.shape != self.looks[-1].image.shape[:2]:
            raise ValueError(
                f"The infrared frame is {self.infrared.shape}, but the last look is {self.looks[-1].image.shape[:2]}."
            )

    @property
    def still(self) -> Look:
        """The look that methods for stills judge: the last one."""
        return self.looks[-1]

    @property
    def seconds(self) -> float:
        """Time between the first look and the last."""
        return self.looks[-1].at - self.looks[0].at


def infrared_of(frame: Frame, picture: Frame) -> NDArray[np.uint8]:
    """Return the brightness of a near-infrared frame that was taken together with a picture.

    Args:
        frame: as a file decodes; cameras write their one channel as grey or as three equal ones.
        picture: what it was taken with.

    Returns:
        uint8, shape (height, width) of the picture.

    Raises:
        InfraredMismatch: it has another size than the picture, so their pixels cannot show the same places.
    """
    if frame.shape != picture.shape:
        (height, width), (high, wide) = frame.shape[:2], picture.shape[:2]
        raise InfraredMismatch(
            f"The near-infrared frame has {width} x {height} pixels.", expected=f"{wide} x {high}, as the picture has.",
            remedy="Send the two frames of one moment, registered with each other, or the picture alone.",
        )  # fmt: skip
    return np.asarray(cv2.cvtColor(require(frame), cv2.COLOR_RGB2GRAY), dtype=np.uint8)
