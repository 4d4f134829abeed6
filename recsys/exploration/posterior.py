"""What a log has taught about creatives beyond the ranking model, and how sure that is: a small document."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass, field
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

FORMAT = 1
BIAS, SLOPE = 0, 1
FIRST_WORD = 2


class UnusablePosterior(ValueError):
    """A document is no posterior that this code understands."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Standard deviations in log-odds before anything was seen: of the bias, of the slope beside the ranking model's
    1, of each scene or category, and of each creative."""

    bias: float = 1.0
    slope: float = 0.3
    word: float = 0.3
    arm: float = 0.4

    def __post_init__(self) -> None:
        if not all(0 < spread < 100 for spread in (self.bias, self.slope, self.word, self.arm)):
            raise ValueError(f"standard deviations must be above 0 and below 100, got {self}")


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """A Gaussian over the coefficients of a logistic model whose offset is the ranking model's log-odds.

    log-odds = model + bias + slope x (model - centre) + effect of the scene + effect of the category + effect of the
    creative. The precision is an arrow: dense among the shared coefficients, diagonal among creatives.

    Attributes:
        words: shared features behind bias and slope, such as ``scene:lobby``; their number is D - 2.
        arms: keys of the creatives seen, length A.
        shared: means, shape (D,).
        effects: means of the creatives, shape (A,).
        precision: of the shared coefficients, shape (D, D).
        coupling: precision between creatives and shared coefficients, shape (A, D).
        arm_precision: shape (A,).
        centre: log-odds of the ranking model at which the slope does nothing.
        plays, engaged: what it learnt from.
    """

    words: tuple[str, ...]
    arms: tuple[str, ...]
    shared: Reals = field(repr=False)
    effects: Reals = field(repr=False)
    precision: Reals = field(repr=False)
    coupling: Reals = field(repr=False)
    arm_precision: Reals = field(repr=False)
    prior: Prior
    centre: float
    plays: int
    engaged: int

    def document(self) -> bytes:
        """Return the posterior as bytes that `read` understands: a compressed archive of arrays."""
        target = io.BytesIO()
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        np.savez_compressed(target, about=np.frombuffer(self._about(), dtype=np.uint8), **arrays)
        return target.getvalue()

    def digest(self) -> str:
        """Return the SHA-256 of what the posterior says, as 64 hexadecimal digits; the same wherever it was read."""
        content = sha256(self._about())
        for name in _ARRAYS:
            content.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return content.hexdigest()

    def _about(self) -> bytes:
        about = {
            "format": FORMAT, "words": self.words, "arms": self.arms, "prior": asdict(self.prior),
            "centre": self.centre, "plays": self.plays, "engaged": self.engaged,
        }  # fmt: skip
        return json.dumps(about).encode()

    @classmethod
    def read(cls, document: bytes) -> Posterior:
        """Read a posterior.

        Raises:
            UnusablePosterior: the bytes are cut, of another format, or hold shapes or numbers that cannot be.
        """
        try:
            with np.load(io.BytesIO(document), allow_pickle=False) as archive:
                about = json.loads(archive["about"].tobytes())
                arrays = {name: archive[name].astype(np.float64) for name in _ARRAYS}
            if about.pop("format") != FORMAT:
                raise UnusablePosterior("The posterior was written in another format; learn it again from the log.")
            prior, words, arms = Prior(**about.pop("prior")), tuple(about.pop("words")), tuple(about.pop("arms"))
            found = cls(words=words, arms=arms, prior=prior, **about, **arrays)
        except UnusablePosterior:
            raise
        except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise UnusablePosterior(f"The posterior cannot be read ({error}); learn it again from the log.") from error
        found._check()
        return found

    def _check(self) -> None:
        wide, arms = FIRST_WORD + len(self.words), len(self.arms)
        shapes = {
            "shared": (wide,), "effects": (arms,), "precision": (wide, wide), "coupling": (arms, wide),
            "arm_precision": (arms,),
        }  # fmt: skip
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise UnusablePosterior(f"{name} must hold finite numbers of shape {shape}; learn it again.")
        if (self.arm_precision <= 0).any() or not _positive_definite(self.schur()):
            raise UnusablePosterior("The precision is not positive definite; learn it again from the log.")

    def schur(self) -> Reals:
        """Return the precision of the shared coefficients whatever the creatives' effects are, shape (D, D)."""
        reduced: Reals = self.precision - (self.coupling.T / self.arm_precision) @ self.coupling
        return reduced


def _positive_definite(matrix: Reals) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


_ARRAYS = ("shared", "effects", "precision", "coupling", "arm_precision")
