"""The kinds of presentation attack that can be made here, and what a made presentation is."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from faceid.detect import Face


class Species(StrEnum):
    """Presentation attack instrument species (ISO/IEC 30107-3, 3.1.6); the values name the folders of an evaluation."""

    PRINT = "print"
    WARPED_PRINT = "warped_print"
    CUT_PRINT = "cut_print"
    SCREEN = "screen"
    REPLAY = "replay"


STILLS = (Species.PRINT, Species.WARPED_PRINT, Species.CUT_PRINT, Species.SCREEN)
"""Species made from one picture; ``REPLAY`` is a screen that shows a film."""


@dataclass(frozen=True, slots=True, eq=False)
class Presentation:
    """What a camera saw, and where the face came to lie.

    Attributes:
        image: RGB, uint8, shape (height, width, 3); the whole frame with surroundings.
        face: the face in ``image``, moved there by the geometry that made the frame, not found by a detector.
        species: what was presented; None for a living person.
    """

    image: NDArray[np.uint8] = field(repr=False)
    face: Face
    species: Species | None
