"""Presenting a picture of a person to a camera: alive, on paper, as a mask, or on a display."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import Face
from faceid.liveness.attacks.camera import Camera
from faceid.liveness.attacks.display import Display
from faceid.liveness.attacks.light import Linear, log_uniform, smooth_field, to_linear
from faceid.liveness.attacks.placement import Bend, Placement
from faceid.liveness.attacks.printed import Print
from faceid.liveness.attacks.species import Presentation, Species
from faceid.liveness.attacks.surroundings import cover
from faceid.liveness.attacks.texture import sampled

SIDE = 480
"""Larger side of made frames unless asked otherwise, pixels."""

_FINEST = 2.5
"""Sides of the made frame that a picture is shrunk to first: finer detail is in no made frame."""


def alive(image: NDArray[np.uint8], face: Face, generator: np.random.Generator, *, side: int = SIDE) -> Presentation:
    """Make what a camera sees of the living person: the picture itself, at another distance, in other light.

    Args:
        image: picture of a living person, RGB, uint8, shape (height, width, 3).
        face: the person's face in ``image``.
        generator: source of chance; the same state gives the same frame.
        side: larger side of the frame at most, pixels.
    """
    image, face = _shrunk(image, face, side)
    placement = Placement.draw_direct(generator, image, face, side=side)
    lit = _scene(image, placement) * (1.0 + 0.4 * smooth_field(generator, placement.size, 2))[..., None]
    return Presentation(Camera.draw(generator).take(lit, generator), placement.face(face), None)


def present(
    species: Species,
    image: NDArray[np.uint8],
    face: Face,
    generator: np.random.Generator,
    *,
    side: int = SIDE,
) -> Presentation:
    """Make what a camera sees of an attack with a picture of a person.

    Args:
        species: what is presented. ``REPLAY`` gives one frame of a film, which a single frame cannot tell from SCREEN.
        image: picture of a living person, RGB, uint8, shape (height, width, 3).
        face: the person's face in ``image``.
        generator: source of chance; the same state gives the same frame.
        side: larger side of the frame at most, pixels.
    """
    image, face = _shrunk(image, face, side)
    if species is Species.CUT_PRINT:
        placement = Placement.draw_direct(generator, image, face, side=side)
    else:
        placement = Placement.draw(generator, image, face, side=side, tilt=25.0)
    if species is Species.WARPED_PRINT:
        placement = placement.bent(_bend(generator))
    if species in (Species.SCREEN, Species.REPLAY):
        light = Display.draw(generator, image, face, placement).seen(image, placement, generator)
    elif species is Species.CUT_PRINT:
        light = _mask(image, face, placement, generator)
    else:
        light = Print.draw(generator, image, face, placement).seen(image, placement, generator)
    return Presentation(Camera.draw(generator).take(light, generator), placement.face(face), species)


def replay(
    film: Sequence[tuple[NDArray[np.uint8], Face]],
    generator: np.random.Generator,
    *,
    rate: float = 15.0,
    shake: float = 0.6,
    side: int = SIDE,
) -> list[Presentation]:
    """Make what a camera sees of a film on a display that a hand holds.

    Args:
        film: frames of one size with the face in each; at least one.
        generator: source of chance.
        rate: frames per second.
        shake: by how much the hand moves from frame to frame, frame pixels.
        side: larger side of the frame at most, pixels.
    """
    frames = [_shrunk(image, face, side) for image, face in film]
    image, face = frames[0]
    placement = Placement.draw(generator, image, face, side=side, tilt=15.0)
    display, camera = Display.draw(generator, image, face, placement), Camera.draw(generator)
    made = []
    for index, (image, face) in enumerate(frames):
        light = display.seen(image, placement, generator, at=index / rate)
        made.append(Presentation(camera.take(light, generator), placement.face(face), Species.REPLAY))
        placement = placement.jolted(generator, shake)
    return made


def waved_print(
    image: NDArray[np.uint8],
    face: Face,
    generator: np.random.Generator,
    *,
    frames: int,
    shake: float = 2.0,
    warped: bool = False,
    side: int = SIDE,
) -> list[Presentation]:
    """Make what a camera sees of a print that a hand moves, flat or bent.

    Args:
        image, face: the printed picture and the face in it.
        generator: source of chance.
        frames: how many.
        shake: by how much the hand moves from frame to frame, frame pixels; 0 for a print on a stand.
        warped: whether the print is bent.
        side: larger side of the frame at most, pixels.
    """
    image, face = _shrunk(image, face, side)
    species = Species.WARPED_PRINT if warped else Species.PRINT
    placement = Placement.draw(generator, image, face, side=side, tilt=20.0)
    placement = placement.bent(_bend(generator)) if warped else placement
    sheet, camera = Print.draw(generator, image, face, placement), Camera.draw(generator)
    made = []
    for _ in range(frames):
        light = sheet.seen(image, placement, generator)
        made.append(Presentation(camera.take(light, generator), placement.face(face), species))
        placement = placement.jolted(generator, shake)
    return made


def _mask(image: NDArray[np.uint8], face: Face, placement: Placement, generator: np.random.Generator) -> Linear:
    """A print cut out around the face with holes for the eyes, worn before a living face."""
    sheet = Print.draw(generator, image, face, placement)
    worn = placement.jolted(generator, 2.0)
    wearer = _scene(image, worn) * np.float32(sheet.light)
    share = _cut(face, placement, generator)
    shadow = cv2.GaussianBlur(share, (0, 0), log_uniform(generator, 1.0, 6.0))
    shaded = wearer * (1.0 - generator.uniform(0.1, 0.6) * shadow)[..., None]
    return cover(shaded.astype(np.float32), sheet.sheet(image, placement, generator), share)


def _cut(face: Face, placement: Placement, generator: np.random.Generator) -> NDArray[np.float32]:
    """Return where the mask is, 0 to 1, shape of the frame."""
    placed = placement.face(face)
    points, reach = placed.landmarks, placed.eye_distance
    share = np.zeros(placement.size, dtype=np.float32)
    middle, turn = points.mean(axis=0), _roll(points)
    sides = reach * generator.uniform([0.95, 1.25], [1.3, 1.7])
    _ellipse(share, middle, sides, turn, 1.0)
    hole = reach * generator.uniform([0.18, 0.09], [0.28, 0.17])
    for eye in points[:2]:
        _ellipse(share, eye, hole, turn, 0.0)
    if generator.random() < 0.3:
        _ellipse(share, points[3:].mean(axis=0), reach * np.array([0.35, 0.14]), turn, 0.0)
    return np.asarray(cv2.GaussianBlur(share, (0, 0), 0.7), dtype=np.float32)


def _ellipse(
    share: NDArray[np.float32], centre: NDArray[np.float32], axes: NDArray[np.float64], turn: float, value: float
) -> None:
    middle = (round(float(centre[0])), round(float(centre[1])))
    cv2.ellipse(share, middle, (max(1, round(axes[0])), max(1, round(axes[1]))), turn, 0, 360, value, -1)


def _roll(points: NDArray[np.float32]) -> float:
    across = points[1] - points[0]
    return float(np.degrees(np.arctan2(across[1], across[0])))


def _bend(generator: np.random.Generator) -> Bend:
    waves = log_uniform(generator, 0.3, 1.5)
    steepest = generator.uniform(0.12, 0.4)
    angle = float(generator.choice([0.0, np.pi / 2]) + generator.normal(0.0, 0.3))
    return Bend(steepest / (2 * np.pi * waves), angle, float(generator.uniform(0, 2 * np.pi)), waves)


def _scene(image: NDArray[np.uint8], placement: Placement) -> Linear:
    x, y = placement.coordinates()
    return sampled(to_linear(image), x, y, scale=placement.scale)


def _shrunk(image: NDArray[np.uint8], face: Face, side: int) -> tuple[NDArray[np.uint8], Face]:
    """Shrink large pictures, which saves most of the time of making a small frame."""
    factor = _FINEST * side / max(image.shape[:2])
    if factor >= 1.0:
        return image, face
    size = round(image.shape[1] * factor), round(image.shape[0] * factor)
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    ratio = np.array([size[0] / image.shape[1], size[1] / image.shape[0]], dtype=np.float32)
    box = (face.box.reshape(2, 2) * ratio).reshape(4)
    return small, Face(box, face.score, face.landmarks * ratio)
