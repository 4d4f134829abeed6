"""Aligned faces of labelled people, and who of them is held out."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faceid.align import align
from faceid.errors import FaceError
from faceid.evaluate import folder
from faceid.evaluate.acquisition import main_face
from faceid.evaluate.progress import Progress
from faceid.image import decode
from faceid.pipeline import Pipeline

FEWEST_PEOPLE = 4


class TooFewPeople(FaceError):
    """There are not enough people, or not enough pictures of each, to learn from."""

    code = "too_few_people"


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Faces in memory.

    Attributes:
        crops: RGB, uint8, shape (n, 112, 112, 3), aligned.
        labels: who each shows, int64, shape (n,), 0 to people - 1.
        names: of the people, by label.
        left_out: pictures without a face that can be used, by reason.
    """

    crops: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)
    names: tuple[str, ...]
    left_out: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.labels)

    def of(self, people: NDArray[np.int64]) -> Self:
        """Return the faces of some people, who get the labels 0, 1 and so on."""
        rows = np.flatnonzero(np.isin(self.labels, people))
        chosen = np.unique(self.labels[rows])
        names = tuple(self.names[label] for label in chosen)
        return type(self)(self.crops[rows], np.searchsorted(chosen, self.labels[rows]), names)

    def held_out(self, share: float, *, seed: int) -> tuple[Self, Self]:
        """Split by person, never by picture: nobody is on both sides.

        Args:
            share: of the people, between 0 and 1; at least two of them are held out and at least two stay.

        Returns:
            Those to learn from, and those held out.

        Raises:
            TooFewPeople: fewer than four people, or nobody left with two pictures on one side.
        """
        count = len(self.names)
        if count < FEWEST_PEOPLE:
            raise _too_few(f"There are usable faces of {count} people.")
        shuffled = np.random.default_rng(seed).permutation(count)
        out = min(max(2, round(share * count)), count - 2)
        parts = self.of(shuffled[out:]), self.of(shuffled[:out])
        for part, use in zip(parts, ("learn from", "test with"), strict=True):
            if np.bincount(part.labels).max() < 2:
                raise _too_few(f"None of the {len(part.names)} people to {use} has two usable pictures.")
        return parts


def gathered(pipeline: Pipeline, root: Path, *, progress: Callable[[int], None] | None = None) -> People:
    """Find and align the main face of every picture in a folder with one folder per person.

    Args:
        pipeline: its detector and alignment are used.
        progress: called with the number of finished pictures; standard error is told unless given.

    Raises:
        FolderRefused: the folder is not laid out that way.
        TooFewPeople: fewer than four people have a usable face.
    """
    pictures = folder.people(root)
    tell = Progress("pictures", len(pictures)).at if progress is None else progress
    crops, names, left_out = [], [], Counter[str]()
    for number, picture in enumerate(pictures):
        try:
            crops.append(_crop(pipeline, picture.path))
            names.append(picture.person)
        except FaceError as error:
            left_out[error.code] += 1
        except OSError:
            left_out["unreadable"] += 1
        tell(number + 1)
    order = tuple(dict.fromkeys(names))
    if len(order) < FEWEST_PEOPLE:
        raise _too_few(f"There are usable faces of {len(order)} people in {root}.")
    places = {name: place for place, name in enumerate(order)}
    return People(np.stack(crops), np.array([places[name] for name in names], dtype=np.int64), order, left_out)


def _crop(pipeline: Pipeline, path: Path) -> NDArray[np.uint8]:
    image = decode(path.read_bytes())
    found = main_face(pipeline.faces(image), *image.shape[:2])
    if found is None:
        raise TooFewPeople("There is no face.", expected="one face.", remedy="Leave the picture out.")
    return align(image, found.face.landmarks)


def _too_few(happened: str) -> TooFewPeople:
    return TooFewPeople(
        happened,
        expected=f"at least {FEWEST_PEOPLE} people, each with two or more pictures that show the face well.",
        remedy="Add people, or pictures of them.",
    )
