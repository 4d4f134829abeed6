"""Liveness by an operator's own network: any ONNX file that classifies a square around a face, named by a manifest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.errors import ModelsUnavailable
from faceid.liveness.capture import Capture, Look
from faceid.liveness.method import Evidence
from faceid.manifest import Colour, digest_of
from faceid.session import DEFAULT, Limits, OnnxSession, Session

MANIFEST = "plugged.json"

_LEAST_CHANCE = 1e-6


class Answers(StrEnum):
    """What a network's numbers per class are."""

    LOGITS = "logits"
    PROBABILITIES = "probabilities"


@dataclass(frozen=True, slots=True)
class Plugged:
    """What an operator says of a network of their own.

    Attributes:
        name: of the method, lower case with underscores.
        file: name beside the manifest. One input, float32, shape (1, 3, side, side); the first output has one number
            per class.
        sha256: digest of the file, 64 hexadecimal digits.
        side: of the input, pixels.
        context: side of the square that is cut out, in sides of the face's box.
        colours: order of the channels.
        low, high: what 0 and 255 become.
        live_class: index of the class of living people.
        answers: what the numbers per class are.
        slope, intercept: from the network's log-odds of the living class to log-odds; 1 and 0 take them as they are.
        weights_licence: SPDX id of the weights' licence, or what is known of it.
        training_data: what its publishers say they trained it with.
    """

    name: str
    file: str
    sha256: str
    side: int
    context: float
    colours: Colour
    low: float
    high: float
    live_class: int
    answers: Answers
    slope: float
    intercept: float
    weights_licence: str
    training_data: str

    @classmethod
    def read(cls, fields: Mapping[str, object]) -> Self:
        """Make an entry of the manifest's JSON.

        Raises:
            ValueError, TypeError: it is none, or a value lies outside its range.
        """
        known = cls.__dataclass_fields__
        if set(fields) != set(known):
            raise ValueError(f"exactly these fields: {', '.join(known)}")
        values = {name: _typed(value, known[name].type) for name, value in fields.items()}
        entry = cls(**values)  # type: ignore[arg-type]
        if Path(entry.file).name != entry.file:
            raise ValueError("a network lies beside its manifest")
        if not (16 <= entry.side <= 1024 and 0.5 <= entry.context <= 8.0 and entry.live_class >= 0):
            raise ValueError("side is 16 to 1024, context 0.5 to 8, live_class at least 0")
        numbers = (entry.low, entry.high, entry.slope, entry.intercept)
        if not (np.isfinite(numbers).all() and entry.slope > 0 and entry.low != entry.high):
            raise ValueError("low and high differ, slope is positive, and all are finite")
        return entry


@dataclass(frozen=True, slots=True)
class PluggedNetwork:
    """A method that asks an operator's network; safe to share between threads."""

    session: Session
    input_name: str
    plugged: Plugged

    @property
    def name(self) -> str:
        """As the operator calls it."""
        return self.plugged.name

    def judge(self, capture: Capture) -> Evidence:
        """Say what the capture's still shows.

        Raises:
            ModelsUnavailable: the network takes or answers something else than its manifest says.
        """
        chance = self._chance(capture.still)
        odds = float(np.log(chance) - np.log1p(-chance))
        score = self.plugged.slope * odds + self.plugged.intercept
        return Evidence(self.name, score, (("network_probability", chance),))

    def _chance(self, look: Look) -> float:
        plugged = self.plugged
        pixels = square(look, plugged.context, plugged.side).astype(np.float32)
        if plugged.colours is Colour.BGR:
            pixels = pixels[..., ::-1]
        values = plugged.low + pixels * ((plugged.high - plugged.low) / 255.0)
        try:
            feed = np.ascontiguousarray(values.transpose(2, 0, 1)[None], dtype=np.float32)
            answer = np.asarray(self.session.run({self.input_name: feed})[0], dtype=np.float64).reshape(-1)
        except ModelsUnavailable as error:
            raise _misfit(plugged, f"does not take {plugged.side} x {plugged.side} pixels") from error
        if plugged.live_class >= answer.size or answer.size < 2 or not np.isfinite(answer).all():
            raise _misfit(plugged, f"answers {answer.size} numbers")
        if plugged.answers is Answers.LOGITS:
            answer = np.exp(answer - answer.max())
        chance = float(answer[plugged.live_class] / max(float(answer.sum()), _LEAST_CHANCE))
        return float(np.clip(chance, _LEAST_CHANCE, 1.0 - _LEAST_CHANCE))


def load(directory: Path, limits: Limits = DEFAULT) -> tuple[PluggedNetwork, ...]:
    """Load an operator's networks after checking their digests.

    Args:
        directory: holds ``plugged.json``, an object whose ``networks`` is a list of :class:`Plugged`, and the files.
        limits: threads, memory and execution provider of each network.

    Returns:
        One method per network; none where there is no manifest.

    Raises:
        ModelsUnavailable: the manifest is unreadable, or a file is missing, has another digest or cannot run.
    """
    path = directory / MANIFEST
    if not path.exists():
        return ()
    try:
        entries = [Plugged.read(fields) for fields in json.loads(path.read_text())["networks"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelsUnavailable(
            f"The manifest {MANIFEST} is unreadable: {error}.",
            expected="JSON with networks, a list of what faceid.liveness.plugged.Plugged describes.",
            remedy="Correct the manifest, or remove it to do without.",
        ) from error
    return tuple(_plugged(entry, directory, limits) for entry in entries)


def square(look: Look, context: float, side: int) -> NDArray[np.uint8]:
    """Cut a square around a face, with what surrounds it.

    Args:
        look: frame and face.
        context: side of the square in sides of the face's box; less where the frame has less. A square that would
            reach beyond the frame is moved into it, as networks of this kind are trained (Silent-Face-Anti-Spoofing).
        side: of the result, pixels.

    Returns:
        RGB, uint8, shape (side, side, 3).
    """
    rows, columns = look.image.shape[:2]
    left, top, width, height = (float(value) for value in np.nan_to_num(look.face.box))
    width, height = max(width, 1.0), max(height, 1.0)
    factor = min(context, columns / width, rows / height)
    x0, x1 = _within(left + width / 2, width * factor, columns)
    y0, y1 = _within(top + height / 2, height * factor, rows)
    cut = look.image[y0:y1, x0:x1]
    return np.asarray(cv2.resize(cut, (side, side), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _within(centre: float, length: float, limit: int) -> tuple[int, int]:
    size = int(np.clip(round(length), 1, limit))
    start = int(np.clip(round(centre - size / 2), 0, limit - size))
    return start, start + size


def _typed(value: object, kind: object) -> object:
    """Hold a JSON value to a field's type; whole numbers may stand for fractions."""
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and isinstance(kind, type) and issubclass(kind, str):
        return kind(value)
    raise TypeError(f"{value!r} is of another type")


def _plugged(entry: Plugged, directory: Path, limits: Limits) -> PluggedNetwork:
    path = directory / entry.file
    if not path.is_file() or digest_of(path) != entry.sha256:
        raise ModelsUnavailable(
            f"The network {entry.file} is missing or is not the file that {MANIFEST} names.",
            expected=f"SHA-256 {entry.sha256}.",
            remedy="Put the right file there, or remove it from the manifest.",
        )
    session = OnnxSession(path, limits)
    names = tuple(session.inputs)
    if len(names) != 1:
        raise _misfit(entry, f"has {len(names)} inputs")
    return PluggedNetwork(session, names[0], entry)


def _misfit(entry: Plugged, why: str) -> ModelsUnavailable:
    return ModelsUnavailable(
        f"The network {entry.file} {why}.",
        expected=f"one input of shape (1, 3, {entry.side}, {entry.side}) and one number per class.",
        remedy=f"Correct its entry in {MANIFEST}.",
    )
