"""Frames of the living and of attacks: made from photographs, or read from folders of recordings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceid.detect import Detector, Face
from faceid.errors import FaceError
from faceid.evaluate.folder import pictures
from faceid.evaluate.presentations import capture_of, presentations
from faceid.image import decode
from faceid.liveness.attacks.present import alive, present
from faceid.liveness.attacks.species import STILLS
from faceid.liveness.capture import Look
from faceid.liveness.stills import spread
from faceid.training.photographs import photographs
from faceid.training.presentations import Sample

SIDE = 256
"""Larger side of frames made for descriptors of skin, pixels; they look at nothing else of the frame."""

_LEAST_EYES = 36.0
_LOOKS_OF_A_FILM = 5
_HELD_SHARE = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Living:
    """One photograph of one living person.

    Attributes:
        person: number of the person.
        image: RGB, uint8, shape (height, width, 3).
        face: the person's face in it.
    """

    person: int
    image: NDArray[np.uint8] = field(repr=False)
    face: Face = field(repr=False)


def carried(carriers: Path, detector: Detector) -> list[Living]:
    """Find the living people in the photographs that packages carry.

    Raises:
        PhotographMissing: a package is not unpacked there.
    """
    found = [(one.person, one.image, detector.faces(one.image)) for one in photographs(carriers)]
    return [Living(person, image, faces[0]) for person, image, faces in found if faces]


def photographed(folder: Path, detector: Detector, *, first: int) -> list[Living]:
    """Find the living people in a folder of photographs; pictures of one sub-folder show one person.

    Args:
        folder: pictures, each of one person, eyes at least 36 pixels apart; others are left out.
        detector: finds faces.
        first: number of the first person.

    Raises:
        FolderRefused: there is no picture in it.
    """
    found: list[Living] = []
    numbers: dict[Path, int] = {}
    for path in pictures(folder):
        try:
            image = decode(path.read_bytes())
        except (FaceError, OSError):
            continue
        faces = detector.faces(image)
        if len(faces) == 1 and faces[0].eye_distance >= _LEAST_EYES:
            person = path if path.parent == folder else path.parent
            found.append(Living(first + numbers.setdefault(person, len(numbers)), image, faces[0]))
    return found


def made(living: Sequence[Living], count: int, generator: np.random.Generator, *, side: int = SIDE) -> Iterator[Sample]:
    """Make frames, half of the living and half of attacks, all species and all people equally often.

    Args:
        living: photographs to make them from; at least one.
        count: how many frames.
        generator: source of chance.
        side: larger side of the frames, pixels.
    """
    by_person: dict[int, list[Living]] = {}
    for one in living:
        by_person.setdefault(one.person, []).append(one)
    people = sorted(by_person)
    for index in range(count):
        choice = by_person[people[index // 2 % len(people)]]
        one = choice[int(generator.integers(len(choice)))]
        if index % 2:
            species = STILLS[int(generator.integers(len(STILLS)))]
            shown = present(species, one.image, one.face, generator, side=side)
        else:
            shown = alive(one.image, one.face, generator, side=side)
        kind = None if shown.species is None else shown.species.value
        yield Sample(Look(shown.image, shown.face), one.person, kind)


def recorded(
    folder: Path, detector: Detector, *, person: int, say: Callable[[str], None]
) -> tuple[list[Sample], list[Sample]]:
    """Read recordings of one source, split into those to train with and those to hold out.

    Neighbouring files are often frames of one film: the last quarter of every folder is held out, not a random one.

    Args:
        folder: ``real`` and one folder per species.
        detector: finds faces.
        person: number that stands for whoever is in this source.
        say: is told how many files gave no face.

    Raises:
        FolderRefused: the folder lacks living people or attacks.
    """
    by_species: dict[str | None, list[list[Sample]]] = {}
    lost = 0
    for one in presentations(folder):
        capture = capture_of(detector, one)
        if capture is None:
            lost += 1
            continue
        looks = spread(capture.looks, _LOOKS_OF_A_FILM)
        by_species.setdefault(one.species, []).append([Sample(look, person, one.species) for look in looks])
    if lost:
        say(f"{lost} files of {folder} gave no face")
    train, held = [], []
    for files in by_species.values():
        cut = max(1, round((1.0 - _HELD_SHARE) * len(files)))
        train += [sample for file in files[:cut] for sample in file]
        held += [sample for file in files[cut:] for sample in file]
    return train, held
