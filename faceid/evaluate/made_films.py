"""Films that code makes of living people's stills: alive, the picture held still, a waved print, and a replay."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import Detector, Face
from faceid.liveness.attacks.species import Species
from faceid.liveness.capture import Capture, Look
from faceid.liveness.sitter import Sitter
from faceid.liveness.videos import Film, live, replayed, still, waved

STILL, WAVED, REPLAY = "still_film", "waved_print", Species.REPLAY.value
"""Species of films, beside the living."""

SECONDS = 8.0
"""Length of a made film, at fifteen looks per second: what a kiosk has after its first glance."""

SIDE = 400
"""Larger side at most, pixels: a face of a viewer at a screen."""

_SEEDS = 2**31


def made_films(
    look: Look, detector: Detector, generator: np.random.Generator, *, seconds: float = SECONDS
) -> Iterator[tuple[str | None, Capture | None]]:
    """Film one person and three attacks with that person's picture; one sensor's noise is in all of them.

    The replay shows a film of the living person other than the one that stands for the living.

    Args:
        look: still of a living person who looks into the camera.
        detector: finds the face in every frame.
        generator: source of chance.
        seconds: length of each.

    Yields:
        Species, None for the living person, and the looks; None where no frame shows a face.
    """
    image, face = _shrunk(look)
    sitter = Sitter.of(image, face.landmarks)

    def seed() -> int:
        return int(generator.integers(_SEEDS))

    def alive() -> Film:
        return live(sitter, seconds=seconds, beats=float(generator.uniform(50.0, 110.0)), seed=seed())

    vigour = float(generator.uniform(0.2, 1.2))
    yield None, _capture(alive(), detector)
    yield STILL, _capture(still(image, seconds=seconds, seed=seed()), detector)
    yield WAVED, _capture(waved(image, seconds=seconds, vigour=vigour, seed=seed()), detector)
    yield REPLAY, _capture(replayed(alive(), seed=seed()), detector)


def _capture(film: Film, detector: Detector) -> Capture | None:
    try:
        return film.capture(detector)
    except ValueError:  # no frame shows a face, as of a print that is waved out of sight
        return None


def _shrunk(look: Look) -> tuple[NDArray[np.uint8], Face]:
    scale = min(1.0, SIDE / max(look.image.shape[:2]))
    size = round(look.image.shape[1] * scale), round(look.image.shape[0] * scale)
    image = np.asarray(cv2.resize(look.image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    factor = np.float32(scale)
    return image, Face(look.face.box * factor, look.face.score, look.face.landmarks * factor)
