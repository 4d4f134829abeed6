"""What liveness networks learn from: frames of the living and of attacks, cut and varied."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import Face
from faceid.liveness.capture import Capture, Look
from faceid.liveness.crops import face_crop
from faceid.liveness.patches import random_patches
from faceid.mesh import FaceMesh
from faceid.training.depth_map import SIDE as MAP_SIDE
from faceid.training.depth_map import depth_map

Pixels = NDArray[np.uint8]

_REACH = 2.0
"""Side of what is kept around a face, in sides of its box."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Who and what a frame shows.

    Attributes:
        person: number of the person seen or imitated.
        species: what was presented, None for the living person.
    """

    person: int
    species: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One frame to learn from.

    Attributes:
        look: frame and face.
        person: number of the person seen or imitated; a person is never on both sides of a split.
        species: what was presented, ``None`` for the living person.
    """

    look: Look
    person: int
    species: str | None

    @property
    def live(self) -> bool:
        """Whether this is the living person."""
        return self.species is None

    @property
    def shown(self) -> Shown:
        """Who and what the frame shows."""
        return Shown(self.person, self.species)

    @property
    def capture(self) -> Capture:
        """The frame as what methods judge."""
        return Capture((self.look,))


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Cut and varied pictures, as the networks take them.

    Attributes:
        patches: RGB, uint8, shape (n, patches of each, 48, 48, 3).
        crops: RGB, uint8, shape (n, 128, 128, 3).
        depths: what the depth network shall answer, float32, shape (n, 32, 32).
        live: bool, shape (n,).
        weights: float32, shape (n,), mean 1: the living weigh as much as all attacks, all species of attack the same.
    """

    patches: Pixels = field(repr=False)
    crops: Pixels = field(repr=False)
    depths: NDArray[np.float32] = field(repr=False)
    live: NDArray[np.bool_] = field(repr=False)
    weights: NDArray[np.float32] = field(repr=False)


def examples(
    samples: Iterable[Sample], surface: FaceMesh, generator: np.random.Generator, *, patches: int = 6, varied: int = 1
) -> Examples:
    """Cut the samples up; the frames themselves are let go one by one.

    Args:
        samples: frames; at least one.
        surface: finds the depth of living faces.
        generator: source of chance.
        patches: patches of every frame.
        varied: how often every frame is taken, each time varied anew.
    """
    rows = [row for sample in samples for row in _rows(sample, surface, generator, patches, varied)]
    species = [row.species for row in rows]
    return Examples(
        np.stack([row.patches for row in rows]),
        np.stack([row.crop for row in rows]),
        np.stack([row.depth for row in rows]),
        np.array([one is None for one in species]),
        balance(species),
    )


def balance(species: Sequence[str | None]) -> NDArray[np.float32]:
    """Weigh samples so that the living weigh as much as all attacks, and every species of attack the same.

    Returns:
        float32, shape (n,), mean 1.
    """
    kinds = sorted({one for one in species if one is not None})
    total = {kind: 0.5 / len(kinds) for kind in kinds}
    weights = np.array([total.get(one or "", 0.5) / species.count(one) for one in species], dtype=np.float64)
    return np.asarray(weights / weights.mean(), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    patches: Pixels
    crop: Pixels
    depth: NDArray[np.float32]
    species: str | None


def _rows(
    sample: Sample, surface: FaceMesh, generator: np.random.Generator, patches: int, varied: int
) -> Iterator[_Row]:
    near = _near(sample.look)
    points = surface.points(near.image, near.face).points if sample.live else None
    for _ in range(varied):
        look = varied_look(near, generator)
        face = shaken(look.face, generator)
        depth = np.zeros((MAP_SIDE, MAP_SIDE), dtype=np.float32)
        if points is not None:
            depth = depth_map(points * _ratio(near, look), face)
        crop = face_crop(replace(look, face=face))
        yield _Row(random_patches(look, patches, generator), crop, depth, sample.species)


def _near(look: Look) -> Look:
    """Cut away what is far from the face and never shown to a network."""
    left, top, width, height = (float(value) for value in look.face.box)
    reach = _REACH * max(width, height) / 2
    rows, columns = look.image.shape[:2]
    x0, x1 = (int(np.clip(left + width / 2 + side * reach, 0, columns)) for side in (-1, 1))
    y0, y1 = (int(np.clip(top + height / 2 + side * reach, 0, rows)) for side in (-1, 1))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return look
    shift = np.array([x0, y0], dtype=np.float32)
    box = look.face.box - np.array([x0, y0, 0, 0], dtype=np.float32)
    face = Face(box, look.face.score, look.face.landmarks - shift)
    return replace(look, image=np.ascontiguousarray(look.image[y0:y1, x0:x1]), face=face)


def varied_look(look: Look, generator: np.random.Generator) -> Look:
    """Take a frame as another camera would: other size, light and colours, softer, noisier, compressed again.

    Whatever is done is done to the living and to attacks alike, so that none of it tells them apart.
    """
    image, face = look.image, look.face
    if generator.random() < 0.3:
        factor = float(np.exp(generator.uniform(np.log(0.7), np.log(1.3))))
        size = max(32, round(image.shape[1] * factor)), max(32, round(image.shape[0] * factor))
        mode = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_CUBIC
        ratio = np.array([size[0] / image.shape[1], size[1] / image.shape[0]], dtype=np.float32)
        image = np.asarray(cv2.resize(image, size, interpolation=mode), dtype=np.uint8)
        face = Face((face.box.reshape(2, 2) * ratio).reshape(4), face.score, face.landmarks * ratio)
    return replace(look, image=_reshot(image, generator), face=face)


def shaken(face: Face, generator: np.random.Generator) -> Face:
    """Move a face's landmarks together by a little, as detectors err."""
    spread = max(face.eye_distance, 1.0)
    turn, size = generator.normal(0.0, 0.06), float(np.exp(generator.normal(0.0, 0.08)))
    rotation = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = face.landmarks.mean(axis=0)
    moved = (face.landmarks - middle) @ rotation.T + middle + generator.normal(0.0, 0.05 * spread, 2)
    return Face(face.box, face.score, moved.astype(np.float32))


def _ratio(before: Look, after: Look) -> NDArray[np.float32]:
    rows = after.image.shape[0] / before.image.shape[0]
    columns = after.image.shape[1] / before.image.shape[1]
    return np.array([columns, rows, (rows + columns) / 2], dtype=np.float32)


def _reshot(image: Pixels, generator: np.random.Generator) -> Pixels:
    """Vary gently: frames have been through a camera, and what it left of inks and displays must not drown."""
    values = image.astype(np.float32) / np.float32(255.0)
    gains = np.exp(generator.normal(0.0, [0.06, 0.02, 0.06]) + generator.normal(0.0, 0.12))
    values = np.clip(values * gains.astype(np.float32), 0.0, 1.0) ** np.float32(np.exp(generator.normal(0.0, 0.1)))
    if generator.random() < 0.2:
        values = cv2.GaussianBlur(values, (0, 0), float(generator.uniform(0.3, 1.0)))
    if generator.random() < 0.2:
        noise = generator.standard_normal(values.shape, dtype=np.float32)
        values = values + np.float32(generator.uniform(0.0, 0.02)) * noise
    shot = (np.clip(values, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return _compressed(shot, int(generator.integers(50, 100))) if generator.random() < 0.3 else shot


def _compressed(image: Pixels, quality: int) -> Pixels:
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)[..., ::-1])
