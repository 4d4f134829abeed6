"""Reading folders of presentations: ``real`` and one folder per species of attack, stills or videos."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import Detector
from faceid.errors import FaceError
from faceid.evaluate.errors import FolderRefused
from faceid.evaluate.folder import SUFFIXES, natural, pictures
from faceid.image import decode
from faceid.liveness.capture import Capture, Look
from faceid.liveness.finding import find_face

LIVE = "real"
"""Name of the folder of living people."""

VIDEOS = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".3gp"})

MOST_LOOKS = 150
"""Looks taken from a video at most: ten seconds at fifteen per second."""

RATE = 15.0
"""Looks per second taken from a video, enough for a pulse of 180 beats a minute."""

_NOMINAL = 25.0
_LARGEST_SIDE = 800


@dataclass(frozen=True, slots=True)
class Presented:
    """One file.

    Attributes:
        path: where it is.
        name: its path below the folder, with forward slashes.
        species: name of the attack's folder; None for living people.
    """

    path: Path
    name: str
    species: str | None

    @property
    def video(self) -> bool:
        """Whether the file is a video."""
        return self.path.suffix.lower() in VIDEOS


def presentations(root: Path, *, attacks: bool = True) -> list[Presented]:
    """List the stills and videos of a folder in natural order.

    Args:
        root: holds ``real`` and one folder per species, such as ``print`` or ``screen``; deeper folders belong to
            their species. Hidden files are left out.
        attacks: whether there must be attacks.

    Raises:
        FolderRefused: there is no such folder, or it lacks living people or attacks.
    """
    if not root.is_dir():
        raise _refused(f"There is no folder {root}.")
    found = []
    for path in sorted(root.rglob("*"), key=lambda path: natural(path.relative_to(root).as_posix())):
        parts = path.relative_to(root).parts
        known = path.suffix.lower() in SUFFIXES | VIDEOS
        if known and len(parts) > 1 and not any(part.startswith((".", "__MACOSX")) for part in parts):
            species = None if parts[0].lower() == LIVE else parts[0]
            found.append(Presented(path, "/".join(parts), species))
    kinds = {one.species for one in found}
    if None not in kinds or (attacks and len(kinds) < 2):
        raise _refused(f"{root} holds {', '.join(sorted(kind or LIVE for kind in kinds)) or 'no pictures'}.")
    return found


def capture_of(detector: Detector, presented: Presented) -> Capture | None:
    """Read one presentation.

    Returns:
        Its looks: one for a still, up to 150 for a video; None where the file cannot be read or shows no face.
    """
    looks = tuple(_film(detector, presented.path) if presented.video else _still(detector, presented.path))
    return Capture(looks) if looks else None


def frames_of(detector: Detector, folder: Path, *, rate: float = RATE) -> Capture | None:
    """Read a film from a folder of its frames, in natural order of their names.

    Args:
        detector: finds faces.
        folder: pictures, all of one film; those that cannot be read or show no face are left out, their time is not.
        rate: frames per second, above 0; of more than fifteen a second as many are taken as of a film.

    Returns:
        Up to 150 looks; None where no picture shows a face.

    Raises:
        FolderRefused: there is no picture in the folder.
    """
    step = max(1, round(rate / RATE))
    chosen = list(enumerate(pictures(folder)))[::step][:MOST_LOOKS]
    looks = tuple(replace(look, at=index / rate) for index, path in chosen for look in _still(detector, path))
    return Capture(looks) if looks else None


def _still(detector: Detector, path: Path) -> Iterator[Look]:
    try:
        image = decode(path.read_bytes())
    except (FaceError, OSError):
        return
    face = find_face(detector, image)
    if face is not None:
        yield Look(image, face)


def _film(detector: Detector, path: Path) -> Iterator[Look]:
    film = cv2.VideoCapture(str(path))
    try:
        rate = film.get(cv2.CAP_PROP_FPS)
        rate = rate if np.isfinite(rate) and rate > 0 else _NOMINAL
        step = max(1, round(rate / RATE))
        for index in range(step * MOST_LOOKS):
            if not film.grab():
                return
            if index % step:
                continue
            read, frame = film.retrieve()
            image = _rgb(frame) if read else None
            face = None if image is None else find_face(detector, image)
            if image is not None and face is not None:
                yield Look(image, face, index / rate)
    finally:
        film.release()


def _rgb(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn a frame of OpenCV's into RGB, shrunk so that ten seconds of film fit into memory."""
    factor = _LARGEST_SIDE / max(frame.shape[:2])
    if factor < 1.0:
        size = round(frame.shape[1] * factor), round(frame.shape[0] * factor)
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.ascontiguousarray(frame[..., ::-1])


def _refused(happened: str) -> FolderRefused:
    return FolderRefused(
        happened,
        expected=f"a folder {LIVE} of living people and one folder per species of attack, stills or videos in each.",
        remedy="Name the folder of living people real, and the others after what was presented.",
    )
