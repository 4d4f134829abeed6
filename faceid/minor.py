"""Is this an adult for sure? Whoever is not is treated as a minor, and a minor stays anonymous.

The only thing this library ever derives from a face beside its identity, and only to do less: no age, no distribution
and no probability leaves this module, nothing is stored, and the answer cannot tell a child from somebody of whom the
network is not sure. Off unless an operator turns it on.
"""

import json
import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import REFERENCE, similarity
from faceid.declared import Misdeclared, read
from faceid.detect import Face
from faceid.errors import DegenerateLandmarks, ModelsUnavailable
from faceid.manifest import Axes, Colour, Input, ModelFile, digest_of
from faceid.session import DEFAULT, Limits, OnnxSession, Session

MANIFEST: Final = "minor.json"
_TRIALS: Final = 3
_TOLERANCE: Final = 1e-3


class Verdict(StrEnum):
    """What the check says of a face, and all it says."""

    ADULT = "adult"
    MINOR_OR_UNCERTAIN = "minor_or_uncertain"


class Minors(StrEnum):
    """An operator's policy: look at nobody's age, or let apparent minors be anonymous whatever they consented to."""

    OFF = "off"
    ANONYMOUS = "apparent_minor_is_anonymous"


class MinorCheck(Protocol):
    """Anything that tells adults from everybody else; safe to share between threads."""

    def judge(self, image: NDArray[np.uint8], face: Face) -> Verdict:
        """Say whether a face is surely an adult's.

        Args:
            image: RGB, uint8, shape (height, width, 3).
            face: where the face is in ``image``.
        """
        ...


def stays_anonymous(policy: Minors, check: MinorCheck | None, image: NDArray[np.uint8], face: Face) -> bool:
    """Say whether a face must be treated as anonymous because it may be a minor's.

    Args:
        policy: the operator's.
        check: None where no network is installed; under ``ANONYMOUS`` everybody is uncertain then.
        image, face: as in :meth:`MinorCheck.judge`; not looked at under ``OFF``.
    """
    if policy is Minors.OFF:
        return False
    return check is None or check.judge(image, face) is not Verdict.ADULT


@dataclass(frozen=True, slots=True)
class AgeModel:
    """A network that spreads its belief over ages; networks that answer with one age do not say how sure they are.

    Attributes:
        model: its file.
        input: how it wants pixels.
        output: name of the output, shape (1, len(ages)), non-negative and of sum 1.
        ages: years that each number of the output stands for, ascending.
        side: side of the square it takes, pixels, 16 to 512.
        eye_distance, eye_column, eye_row: distance of the eyes and place of their middle, shares of the side.
        adult_from: years from which somebody counts as an adult; above the age of majority, because estimates err.
        doubt: belief in a younger age from which the face is uncertain; above 0, below 0.5.
        least_eye_distance: pixels in the frame below which every face is uncertain.
    """

    model: ModelFile
    input: Input
    output: str
    ages: tuple[float, ...]
    side: int
    eye_distance: float
    eye_column: float
    eye_row: float
    adult_from: float = 25.0
    doubt: float = 0.10
    least_eye_distance: float = 20.0

    def __post_init__(self) -> None:
        """Refuse declarations under which nobody would be looked at."""
        if len(self.ages) < 2 or list(self.ages) != sorted(set(self.ages)) or not self.ages[0] < self.adult_from:
            raise Misdeclared("ages are ascending, at least two, and begin below adult_from")
        if not 18.0 <= self.adult_from <= self.ages[-1] or not 0.0 < self.doubt < 0.5:
            raise Misdeclared("adult_from is 18 up to the last of ages, and doubt lies between 0 and 0.5")
        if not 16 <= self.side <= 512 or not 0.1 <= self.eye_distance <= 0.9:
            raise Misdeclared("side is 16 to 512 pixels and eye_distance 0.1 to 0.9 of it")
        if not (0.0 < self.eye_column < 1.0 and 0.0 < self.eye_row < 1.0) or not self.least_eye_distance >= 0.0:
            raise Misdeclared("eye_column and eye_row lie between 0 and 1, and least_eye_distance is at least 0")

    def to_json(self) -> str:
        """Write the declaration as indented JSON with sorted keys."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


@dataclass(frozen=True, slots=True)
class AgeCheck:
    """The check by a network; see :class:`AgeModel`."""

    session: Session
    declared: AgeModel
    _young: NDArray[np.bool_] = field(repr=False)

    @classmethod
    def load(cls, models_dir: Path, limits: Limits = DEFAULT) -> Self | None:
        """Load the network that ``minor.json`` below ``models_dir`` declares, after checking its digest.

        Returns:
            None where there is no such manifest: the network is optional.

        Raises:
            ModelsUnavailable: the manifest or the file is damaged, or the network does not answer as declared.
        """
        path = models_dir / MANIFEST
        if not path.exists():
            return None
        declared = _declared(path)
        file = models_dir / declared.model.file
        if not file.is_file() or digest_of(file) != declared.model.sha256:
            raise _unusable(f"{declared.model.file} is missing or another file than {MANIFEST} names")
        check = cls(OnnxSession(file, limits), declared, np.array(declared.ages) < declared.adult_from)
        check._try_out()
        return check

    def judge(self, image: NDArray[np.uint8], face: Face) -> Verdict:
        """Say whether a face is surely an adult's; see :meth:`MinorCheck.judge`. What it believes stays here."""
        if face.eye_distance < self.declared.least_eye_distance:
            return Verdict.MINOR_OR_UNCERTAIN
        try:
            crop = _crop(image, face, self.declared)
        except DegenerateLandmarks:
            return Verdict.MINOR_OR_UNCERTAIN
        belief = self._belief(crop)
        sure = bool(np.isfinite(belief).all()) and float(belief[self._young].sum()) < self.declared.doubt
        return Verdict.ADULT if sure else Verdict.MINOR_OR_UNCERTAIN

    def _belief(self, crop: NDArray[np.uint8]) -> NDArray[np.float64]:
        wanted = self.declared.input
        pixels = crop[..., ::-1] if wanted.colour is Colour.BGR else crop
        mean, std = (np.array(part, dtype=np.float32) for part in (wanted.mean, wanted.std))
        values = (pixels.astype(np.float32) - mean) / std
        blob = values[None] if wanted.axes is Axes.NHWC else values.transpose(2, 0, 1)[None]
        outputs = self.session.run({wanted.name: np.ascontiguousarray(blob, dtype=np.float32)})
        belief = outputs[self.session.outputs.index(self.declared.output)]
        return np.asarray(belief, dtype=np.float64).reshape(-1)

    def _try_out(self) -> None:
        """Ask three times about noise: belief must be belief."""
        random = np.random.default_rng(0)
        try:
            for _ in range(_TRIALS):
                side = self.declared.side
                belief = self._belief(random.integers(0, 256, (side, side, 3), dtype=np.uint8))
                if belief.shape != (len(self.declared.ages),) or not np.isfinite(belief).all():
                    raise _unusable(f"the output has shape {belief.shape}, or numbers that are none")
                if belief.min() < -_TOLERANCE or not math.isclose(belief.sum(), 1.0, abs_tol=_TOLERANCE):
                    raise _unusable("the output is no belief: numbers from 0 that sum up to 1")
        except ModelsUnavailable:
            raise
        except Exception as error:  # onnxruntime raises classes of its own for names and shapes
            raise _unusable(f"the network does not run as declared ({type(error).__name__})") from error


def _declared(path: Path) -> AgeModel:
    try:
        return read(AgeModel, json.loads(path.read_text()), "minor")
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(str(error) if isinstance(error, Misdeclared) else f"{MANIFEST} is no JSON") from error


def _crop(image: NDArray[np.uint8], face: Face, declared: AgeModel) -> NDArray[np.uint8]:
    """Bring the eyes where the network wants them; RGB, uint8, shape (side, side, 3), black beyond the picture."""
    left, right = REFERENCE[0], REFERENCE[1]
    side = declared.side
    scale = declared.eye_distance * side / float(np.linalg.norm(right - left))
    shift = np.array([declared.eye_column, declared.eye_row]) * side - scale * (left + right) / 2
    matrix = scale * similarity(face.landmarks)
    matrix[:, 2] += shift
    shrink = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    if shrink < 0.5:  # far more pixels than the network sees: average them first
        image = np.asarray(cv2.blur(image, (round(1 / shrink),) * 2), dtype=np.uint8)
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def _unusable(happened: str) -> ModelsUnavailable:
    return ModelsUnavailable(
        f"The network for apparent minors cannot be used: {happened}.",
        expected=f"a network and a {MANIFEST} that describes it.",
        remedy=f"Run `make models`, correct the declaration, or remove {MANIFEST} to do without.",
    )
