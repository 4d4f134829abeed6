"""What liveness is judged on: one or several looks at one face, and what else the camera gave."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from faceid.detect import Face


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
