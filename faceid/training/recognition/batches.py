"""Batches of a few people with a few pictures each, a little different every time."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.training.recognition.people import People

_SHIFT = 5.0
_TURN = 8.0
_ZOOM = 0.08


def batches(
    people: People, *, persons: int, pictures: int, random: np.random.Generator
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Yield one epoch: every person comes once, with up to ``pictures`` of theirs, ``persons`` people at a time.

    Whoever has fewer pictures is shown the same ones again, augmented otherwise: even a single picture has its like.

    Returns:
        RGB, 0 to 255, float32, shape (n, 3, 112, 112), and labels, int64, shape (n,).
    """
    rows_of = [np.flatnonzero(people.labels == label) for label in range(len(people.names))]
    order = random.permutation(len(rows_of))
    for begin in range(0, len(order), persons):
        chosen = order[begin : begin + persons]
        if len(chosen) < 2:  # nobody to be told from
            return
        rows = np.concatenate([_drawn(rows_of[person], pictures, random) for person in chosen])
        yield _laid_out([augmented(people.crops[row], random) for row in rows]), people.labels[rows]


def plain(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Lay crops out as the network wants them: float32, shape (n, 3, 112, 112)."""
    return _laid_out(list(crops))


def augmented(crop: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Return a crop as another camera might have taken it: mirrored, moved, lit, blurred, compressed.

    Args:
        crop: RGB, uint8, shape (side, side, 3).
    """
    side = crop.shape[0]
    if random.random() < 0.5:
        crop = crop[:, ::-1]
    turn, zoom = random.uniform(-_TURN, _TURN), random.uniform(1 - _ZOOM, 1 + _ZOOM)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), turn, zoom)
    matrix[:, 2] += random.uniform(-_SHIFT, _SHIFT, size=2)
    moved = cv2.warpAffine(np.ascontiguousarray(crop), matrix, (side, side), borderMode=cv2.BORDER_REFLECT_101)
    light = np.asarray(moved).astype(np.float32) * random.uniform(0.7, 1.3) + random.uniform(-20, 20)
    light *= random.uniform(0.92, 1.08, size=3).astype(np.float32)
    if random.random() < 0.1:
        light = np.repeat(light.mean(axis=2, keepdims=True), 3, axis=2)
    picture: NDArray[np.uint8] = np.clip(light, 0, 255).astype(np.uint8)
    if random.random() < 0.3:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), random.uniform(0.5, 1.5)), dtype=np.uint8)
    if random.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(35, 90))]
        picture = np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR), dtype=np.uint8)
    return picture


def _drawn(rows: NDArray[np.int64], pictures: int, random: np.random.Generator) -> NDArray[np.int64]:
    if len(rows) >= pictures:
        return random.choice(rows, pictures, replace=False)
    return np.resize(random.permutation(rows), pictures)


def _laid_out(crops: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2), dtype=np.float32)
