"""Reading which faces somebody marked in which pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from faceid.evaluate.detection import Array, LabelledFace
from faceid.evaluate.errors import LabelsRefused

_SHAPE = '{"picture.jpg": [{"box": [left, top, width, height], "points": [[x, y], …five]}]}'
_MOST_SHOWN = 5


def read(path: Path, images: Path, *, skip_missing: bool = False) -> dict[Path, list[LabelledFace]]:
    """Read a JSON object of file names and faces.

    A face has a ``box`` (left, top, width, height), ``points`` (left eye, right eye, nose tip, left and right mouth
    corner, each x and y), or both, all in pixels of the upright picture; ``"ignore": true`` marks one that need not
    be found. ``bbox`` and ``landmarks`` are understood as well, and a bare list of five points is a face. A picture
    with an empty list shows nobody.

    Args:
        path: the file.
        images: folder the names are relative to.
        skip_missing: leave out pictures that are not there, instead of refusing.

    Raises:
        LabelsRefused: the file is no such object, or names pictures that are not there.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise _refused(f"{path} cannot be read ({type(error).__name__}).") from error
    if not isinstance(content, dict) or not content:
        raise _refused(f"{path} holds no object of pictures.")
    labels = {images / name: [_face(name, one) for one in _faces(name, faces)] for name, faces in content.items()}
    missing = [name for name in content if not (images / name).is_file()]
    if missing and (not skip_missing or len(missing) == len(labels)):
        shown = ", ".join(missing[:_MOST_SHOWN]) + (" …" if len(missing) > _MOST_SHOWN else "")
        raise LabelsRefused(
            f"{len(missing)} of the {len(labels)} pictures that {path} names are not in {images}: {shown}.",
            expected="every picture named.",
            remedy="Check the folder, or pass --skip-missing to leave these pictures out.",
        )
    return {file: faces for file, faces in labels.items() if file.is_file()}


def _faces(name: str, faces: Any) -> list[Any]:
    if isinstance(faces, dict):
        return faces["faces"] if isinstance(faces.get("faces"), list) else [faces]
    if not isinstance(faces, list):
        raise _refused(f"The faces of {name!r} are no list.")
    return [faces] if len(faces) == 5 and all(_is_point(one) for one in faces) else faces


def _face(name: str, face: Any) -> LabelledFace:
    if isinstance(face, list):
        face = {"points": face}
    if not isinstance(face, dict):
        raise _refused(f"A face of {name!r} is {str(face)[:40]!r}.")
    box = _numbers(name, face.get("box", face.get("bbox")), (4,))
    points = _numbers(name, face.get("points", face.get("landmarks")), (5, 2))
    if box is None and points is None:
        raise _refused(f"A face of {name!r} has neither box nor points.")
    if box is not None and not np.all(box[2:] > 0):
        raise _refused(f"A box of {name!r} has no area.")
    return LabelledFace(box, points, bool(face.get("ignore", False)))


def _numbers(name: str, value: Any, shape: tuple[int, ...]) -> Array | None:
    if value is None:
        return None
    try:
        numbers = np.array(value, dtype=np.float64).reshape(shape)
    except (TypeError, ValueError) as error:
        raise _refused(f"{name!r} has {str(value)[:60]!r} where {shape} numbers belong.") from error
    if not np.isfinite(numbers).all():
        raise _refused(f"{name!r} has a number that is not finite.")
    return numbers


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(one, int | float) for one in value)


def _refused(happened: str) -> LabelsRefused:
    return LabelsRefused(happened, expected=f"{_SHAPE}.", remedy="Correct the labels; docs/evaluation.md shows them.")
