"""The methods for stills that need no network: colour texture, image distortion and tone, each with its machine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from faceid.liveness import distortion, texture, tone
from faceid.liveness.capture import Capture, Look
from faceid.liveness.crops import face_crop, skin_crop
from faceid.liveness.machine import Machine
from faceid.liveness.method import Evidence

MOST_LOOKS = 5
"""Looks of a film that are judged, spread evenly; the log-odds are their mean, since one camera sees one person."""

Features = Callable[[Look], NDArray[np.float32]]

COLOUR_TEXTURE: Final = "colour_texture"
IMAGE_DISTORTION: Final = "image_distortion"
TONE: Final = "tone"

DESCRIPTORS: Final[dict[str, tuple[Features, int]]] = {
    COLOUR_TEXTURE: (lambda look: texture.colour_texture(skin_crop(look)), texture.LENGTH),
    IMAGE_DISTORTION: (lambda look: distortion.distortion(skin_crop(look)), distortion.LENGTH),
    TONE: (lambda look: tone.tone(skin_crop(look), face_crop(look)), tone.LENGTH),
}
"""By name of the method: what it measures on a look, and how many numbers that gives."""


@dataclass(frozen=True, slots=True)
class StillMethod:
    """One descriptor and the machine that was fitted on it; safe to share between threads."""

    name: str
    machine: Machine

    def __post_init__(self) -> None:
        """Refuse a machine that was fitted on something else.

        Raises:
            ValueError: no descriptor has this name, or the machine takes another number of features.
        """
        if self.name not in DESCRIPTORS or len(self.machine.mean) != DESCRIPTORS[self.name][1]:
            raise ValueError(f"No descriptor {self.name!r} gives {len(self.machine.mean)} features.")

    def judge(self, capture: Capture) -> Evidence:
        """Say what the capture shows, from at most five of its looks."""
        features = np.stack([described(self.name, look) for look in spread(capture.looks, MOST_LOOKS)])
        scores = self.machine.log_odds(features)
        return Evidence(
            self.name, float(scores.mean()), (("looks", float(len(scores))), ("spread", float(scores.std())))
        )


def described(name: str, look: Look) -> NDArray[np.float32]:
    """Return the features of one look by the descriptor called ``name``; float32, shape (features,)."""
    return DESCRIPTORS[name][0](look)


def spread(looks: tuple[Look, ...], most: int) -> list[Look]:
    """Pick at most so many looks, evenly over time, the last one among them."""
    places = np.unique(np.linspace(len(looks) - 1, 0, min(most, len(looks))).round().astype(int))
    return [looks[place] for place in places]
