"""Embedding many pictures once, and keeping count of those that give no embedding."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceid.errors import FaceError, NoFace
from faceid.evaluate.progress import Progress
from faceid.image import decode
from faceid.pipeline import DetectedFace, Pipeline
from faceid.quality import ENROLMENT, SCREEN
from faceid.rules import Profile

ANY = Profile("any", score=0.0, visible=0.0, eye_distance=0.0, yaw=180.0, roll=180.0, brightness=0.0, black=1.0,
              white=1.0, sharpness=0.0)  # fmt: skip
"""Every face the detector finds: shows what the recogniser can do, not what the product does."""

PROFILES = {profile.name: profile for profile in (SCREEN, ENROLMENT, ANY)}

UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, eq=False)
class Acquisition:
    """The embeddings of a set of pictures, in memory only.

    Attributes:
        vectors: unit vectors, float32, shape (n, dimension); rows of nan for failures.
        row_of: row of each picture.
        failures: pictures that gave no embedding, with the code of the reason. They count as failures to acquire
            (ISO/IEC 19795-1:2021, 3.4) and match nobody.
    """

    vectors: NDArray[np.float32] = field(repr=False)
    row_of: dict[Path, int] = field(repr=False)
    failures: dict[Path, str] = field(repr=False)

    def rows(self, paths: Iterable[Path]) -> NDArray[np.int64]:
        """Return the rows of pictures, int64."""
        return np.fromiter((self.row_of[path] for path in paths), dtype=np.int64)

    def of(self, paths: Iterable[Path]) -> NDArray[np.float32]:
        """Return the embeddings of pictures, float32, shape (n, dimension); nan for failures."""
        return self.vectors[self.rows(paths)]

    def failed(self, path: Path) -> bool:
        """Say whether a picture gave no embedding."""
        return path in self.failures

    def reasons(self) -> dict[str, int]:
        """Count the failures by reason, most frequent first."""
        return dict(Counter(self.failures.values()).most_common())


def acquire(
    pipeline: Pipeline,
    paths: Sequence[Path],
    *,
    profile: Profile = SCREEN,
    progress: Callable[[int], None] | None = None,
) -> Acquisition:
    """Embed the main face of each picture, once.

    Args:
        pipeline: makes the embeddings.
        paths: files; a file named twice is embedded once.
        profile: how good a face must be.
        progress: called with the number of finished pictures; standard error is told unless given.
    """
    once = list(dict.fromkeys(paths))
    tell = Progress("pictures", len(once)).at if progress is None else progress
    vectors = np.full((len(once), pipeline.contract().dimension), np.nan, dtype=np.float32)
    failures: dict[Path, str] = {}
    for row, path in enumerate(once):
        try:
            vectors[row] = _embedding(pipeline, path, profile)
        except FaceError as error:
            failures[path] = error.code
        except _Unusable as unusable:
            failures[path] = unusable.reason
        except OSError:
            failures[path] = UNREADABLE
        tell(row + 1)
    return Acquisition(vectors, {path: row for row, path in enumerate(once)}, failures)


def main_face(faces: Sequence[DetectedFace], height: int, width: int) -> DetectedFace | None:
    """Pick the face a picture is about: the one that stands out most, see :func:`standing`; None of no faces.

    Args:
        faces: of one picture.
        height, width: sides of the picture, pixels.
    """
    return max(faces, key=lambda one: standing(one.face.box, height, width), default=None)


def standing(box: NDArray[np.float32], height: int, width: int) -> float:
    """Say how much a face stands out, square pixels: its area, less what it lies off the middle.

    Args:
        box: left, top, width, height in pixels, float32, shape (4,).
        height, width: sides of the picture, pixels.

    The rule with which FaceNet's authors cropped LFW (Schroff et al., 2015, as reimplemented by Sandberg): area minus
    twice the squared distance of the box's middle from the picture's.
    """
    place = box.astype(np.float64)
    off = place[:2] + place[2:] / 2 - np.array([width, height], dtype=np.float64) / 2
    return float(place[2] * place[3] - 2.0 * (off @ off))


class _Unusable(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _embedding(pipeline: Pipeline, path: Path, profile: Profile) -> NDArray[np.float32]:
    image = decode(path.read_bytes())
    one = main_face(pipeline.faces(image, profile), *image.shape[:2])
    if one is None:
        raise _Unusable(NoFace.code)
    if one.embedding is None:
        raise _Unusable(str(one.quality.reasons[0]) if one.quality.reasons else "face_crowded_out")
    return one.embedding
