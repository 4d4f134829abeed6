"""Photographs of living people that packages carry: what liveness is trained and tested on where nobody has better.

The packages are named in ``requirements/carriers.in``. Four website themes (MIT) carry stock portraits, whose sitters
and photographers they do not name; face_recognition (MIT) carries United States government portraits of two
presidents; scikit-image (BSD-3-Clause) NASA's portrait of an astronaut. All show a camera's view of a living person:
in colour, from the front or half turned, the face at least 90 pixels wide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.errors import FaceError
from faceid.image import decode

LARGEST_SIDE = 1280
"""Pixels a side at most: what a good webcam gives."""

_SOFT = "theme_soft_design/static/img/"
_MATERIAL = "theme_material_kit/static/assets/img/"
_PIXEL = "theme_pixel/static/assets/img/team/"
_VOLT = "admin_volt/static/assets/img/team/"
_STATES = "tests/test_images/"

PACKAGES = (
    "django-theme-soft-design 1.0.11 (MIT)",
    "django-theme-material-kit 1.0.26 (MIT)",
    "django-theme-pixel 1.0.7 (MIT)",
    "django-admin-volt 1.0.17 (MIT)",
    "face-recognition 1.3.0 (MIT)",
    "scikit-image 0.26.0 (BSD-3-Clause)",
)
"""The packages that carry the photographs, as ``requirements/carriers.in`` pins them, and their licences."""

# Who is in which file: "person: files", so that no person is ever on both sides of a split. Where the recogniser found
# two sitters alike (cosine above 0.4) they count as one.
_PEOPLE: tuple[tuple[str, ...], ...] = (
    (_SOFT + "brooke.jpg", _SOFT + "ivana-square.jpg"),
    (_SOFT + "bruce-mars.jpg", _SOFT + "jordan.jpg"),
    (_SOFT + "charles.jpg",),
    (_SOFT + "ivana.jpg",),
    (_SOFT + "kal-visuals.jpg", _SOFT + "kal-visuals-square.jpg"),
    (_SOFT + "marie.jpg",),
    (_SOFT + "team-1.jpg", _MATERIAL + "team-3.jpg"),
    (_MATERIAL + "ivana-square.jpg",),
    (_MATERIAL + "ivana-squares.jpg",),
    (_MATERIAL + "team-1.jpg",),
    (_MATERIAL + "team-4.jpg",),
    (_MATERIAL + "team-5.jpg",),
    (_PIXEL + "profile-picture-2.jpg",),
    (_PIXEL + "profile-picture-3.jpg",),
    (_PIXEL + "profile-picture-4.jpg",),
    (_VOLT + "profile-picture-1.jpg",),
    (_VOLT + "profile-picture-2.jpg",),
    (_VOLT + "profile-picture-3.jpg",),
    (_STATES + "biden.jpg",),
    (_STATES + "obama.jpg", _STATES + "obama2.jpg", _STATES + "obama3.jpg"),
    ("skimage/data/astronaut.png",),
)


class PhotographMissing(FaceError):
    """A photograph that a package should carry is not below the carriers directory."""

    code = "photograph_missing"


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """One photograph of one living person.

    Attributes:
        person: number of the person; the same in all photographs of that person.
        file: path inside the package that carries it.
        image: RGB, uint8, shape (height, width, 3), at most 1,280 pixels a side.
    """

    person: int
    file: str
    image: NDArray[np.uint8] = field(repr=False)


def photographs(carriers: Path) -> Iterator[Photograph]:
    """Yield the live photographs below a carriers directory, person by person.

    Args:
        carriers: directory in which ``make carriers`` unpacked the packages.

    Raises:
        PhotographMissing: a package is not unpacked there.
    """
    for person, files in enumerate(_PEOPLE):
        for file in files:
            yield Photograph(person, file, _shrunk(decode(_found(carriers, file).read_bytes())))


def without(people: Sequence[int], *, share: float, seed: int) -> tuple[frozenset[int], frozenset[int]]:
    """Split people into those to train with and those to hold out.

    Args:
        people: numbers of people, repeated ones count once.
        share: share of the people to hold out, 0 to 1; at least one is held out and at least one is not.
        seed: of the draw.

    Returns:
        Two sets without a common person: to train with, held out.

    Raises:
        ValueError: fewer than two people.
    """
    distinct = sorted(set(people))
    if len(distinct) < 2:
        raise ValueError("Two people are needed at least: one to train with and one to hold out.")
    count = min(max(1, round(share * len(distinct))), len(distinct) - 1)
    held = np.random.default_rng(seed).choice(distinct, size=count, replace=False)
    out = frozenset(int(person) for person in held)
    return frozenset(distinct) - out, out


def _found(carriers: Path, file: str) -> Path:
    for path in sorted(carriers.glob(f"*/{file}")) + sorted(carriers.glob(f"*/*/{file}")):
        if path.is_file():
            return path
    raise PhotographMissing(
        f"No {file} lies below {carriers.name}.",
        expected="the packages of requirements/carriers.txt, each unpacked in a directory of its own.",
        remedy="Run `make carriers`.",
    )


def _shrunk(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    factor = LARGEST_SIDE / max(image.shape)
    if factor >= 1.0:
        return image
    size = round(image.shape[1] * factor), round(image.shape[0] * factor)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
