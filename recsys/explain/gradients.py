"""Integrated gradients on embedding vectors, from a graph that training exports beside the model.

Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, equation 1: the share of an input is
its difference from the baseline times the average gradient on the straight line between the two. The shares then add
up to the difference of the two scores (completeness, proposition 1), which is checked here for every single answer.

An id is no number one could walk along; its vector is. So the line runs between embedding vectors: from those of an
anonymous viewer without a history to those of this viewer, candidate and context staying as they are. Where the model
looks at pictures, a line from no picture to the creative's comes before it, for the anonymous viewer: the two together
are one path, and shares along any path add up (the same paper, section 4).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from recsys.explain.attribution import ABSOLUTE_TOLERANCE, HISTORY, Attribution, Method, Share
from recsys.explain.errors import UnreadableGradients
from recsys.explain.explainer import Explainer
from recsys.explain.rows import anonymous, log_odds_of, unseen
from recsys.explain.tables import read_tables
from recsys.features import PICTURE, Feeds
from recsys.serving.ranker import Ranker, open_session

POINTS = 32
"""Rows of the graph: both ends of a stretch and thirty points of Gauss-Legendre quadrature within it."""
MOST_STRETCHES = 24
METHOD: Final[Method] = "integrated_gradients"
IDS = "_ids"
LOGIT = "logit"
GRADIENT = "gradient_"
EXPLAINS, TABLES = "vitrine.explains", "vitrine.tables"

Shares = tuple[Share, ...]
Vectors = dict[str, NDArray[np.float32]]
"""Feature name to its vectors, shape (places, width)."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(POINTS - 2)


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """A part of a line, from low to high, uncalibrated log-odds at both, and the shares of vectors' numbers in it."""

    low: float
    high: float
    first: float
    last: float
    shares: Vectors

    @property
    def residual(self) -> float:
        """What the shares leave unexplained of the stretch."""
        return self.last - self.first - float(sum(numbers.sum(dtype=np.float64) for numbers in self.shares.values()))


class GradientExplainer(Explainer):
    """Explains scores of one ranker; many threads may share one explainer."""

    def __init__(
        self, ranker: Ranker, session: onnxruntime.InferenceSession, tables: Mapping[str, NDArray[np.float32]]
    ) -> None:
        super().__init__(ranker)
        self._session = session
        self._tables = tables
        self._inputs = frozenset(node.name for node in session.get_inputs())
        self._outputs = [node.name for node in session.get_outputs()]
        self._picture_width = next((node.shape[-1] for node in session.get_inputs() if node.name == PICTURE), 0)

    @classmethod
    def load(cls, ranker: Ranker, *, model: Path, gradients: Path, expected_digest: str) -> GradientExplainer:
        """Load the gradient graph of a ranker's model.

        Args:
            model: the model's own file, whose embedding tables are read.
            gradients: the graph's file.
            expected_digest: SHA-256 of that file, 64 hexadecimal digits.

        Raises:
            FileNotFoundError: one of the files is not there.
            UnreadableGradients: the file is another one, cannot be run, or explains another model.
            UnreadableTables: the model holds no such tables.
        """
        content = gradients.read_bytes()
        digest = sha256(content).hexdigest()
        if digest != expected_digest:
            raise UnreadableGradients(f"the gradient graph has digest {digest}, expected {expected_digest}")
        try:
            session = open_session(content)
            about = session.get_modelmeta().custom_metadata_map
            explains, names = about[EXPLAINS], json.loads(about[TABLES])
        except Exception as error:
            raise UnreadableGradients(f"onnxruntime cannot load the gradient graph: {error}") from error
        if explains != ranker.version:
            raise UnreadableGradients(f"the gradient graph explains model {explains}, not {ranker.version}")
        return cls(ranker, session, read_tables(model, names))

    def explain_row(self, row: Feeds) -> Attribution:
        """Explain what the score of one encoded row owes to knowing its viewer, and to the picture if it has one.

        Args:
            row: int32 ids, shape (1, length of the feature); picture (1, 1, width).

        Raises:
            IncompleteAttribution: shares do not add up, not even with as many stretches as are allowed.
        """
        row = self._looked_at(row)
        nobody = anonymous(row, self._ranker)
        blank = unseen(nobody)
        score, seen, baseline = (log_odds_of(self._ranker, one) for one in (row, nobody, blank))
        personal = Attribution(METHOD, score, seen, self._shares(row, nobody))
        picture = Attribution(METHOD, seen, baseline, self._picture_share(nobody, blank))
        both = Attribution(METHOD, score, baseline, picture.shares + personal.shares)
        return [one.proven() for one in (personal, picture, both)][-1]

    def walk(self, known: Feeds, nobody: Feeds, aim: float) -> tuple[float, float, Vectors]:
        """Integrate the gradient along the line between two encoded rows.

        In one stretch first; while the shares do not add up, the stretch in which they do so least is halved. A network
        changes fastest where attention by directions leaves a vector of zeros, and where units switch on.

        Args:
            aim: uncalibrated log-odds that the shares may leave unexplained.

        Returns:
            Uncalibrated log-odds at its end and at its beginning, and for each feature the shares of its vectors'
            numbers, shape (places, width).
        """
        ends, starts = self._vectors(known), self._vectors(nobody)
        walked = [self._stretch(known, starts, ends, 0.0, 1.0)]
        while abs(sum(one.residual for one in walked)) > aim and len(walked) < MOST_STRETCHES:
            worst = walked.pop(max(range(len(walked)), key=lambda place: abs(walked[place].residual)))
            middle = (worst.low + worst.high) / 2
            walked.append(self._stretch(known, starts, ends, worst.low, middle))
            walked.append(self._stretch(known, starts, ends, middle, worst.high))
        walked.sort(key=lambda one: one.low)
        shares = {name: np.sum([one.shares[name] for one in walked], axis=0) for name in walked[0].shares}
        return walked[-1].last, walked[0].first, shares

    def _stretch(self, known: Feeds, starts: Vectors, ends: Vectors, low: float, high: float) -> _Stretch:
        inner = low + (high - low) * (_NODES + 1) / 2
        along = np.concatenate(([low], inner, [high])).astype(np.float32)
        log_odds, gradients = self._run(known, starts, ends, along)
        weights = (_WEIGHTS * (high - low) / 2).astype(np.float32)
        shares = {
            name: np.tensordot(weights, gradient[1:-1], axes=1) * (ends[name] - starts[name])
            for name, gradient in gradients.items()
        }
        return _Stretch(low, high, float(log_odds[0]), float(log_odds[-1]), shares)

    def _looked_at(self, row: Feeds) -> Feeds:
        """Give a row the picture that the graph asks for, zeros where the creative has none."""
        if not self._picture_width or PICTURE in row:
            return row
        return row | {PICTURE: np.zeros((1, 1, self._picture_width), dtype=np.float32)}

    def _aim(self) -> float:
        """Give what shares of either line may leave, before calibration; both together are then complete."""
        slope = abs(self._ranker.metadata.calibration.slope)
        return 0.5 * ABSOLUTE_TOLERANCE / max(slope, 1e-9)

    def _picture_share(self, seen: Feeds, blank: Feeds) -> Shares:
        if not self._picture_width or not seen[PICTURE].any():
            return ()
        numbers = self.walk(seen, blank, self._aim())[2][PICTURE]
        amount = self._ranker.metadata.calibration.slope * float(numbers.sum(dtype=np.float64))
        return (Share(PICTURE, None, amount),)

    def _run(
        self, known: Feeds, starts: Vectors, ends: Vectors, along: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], Vectors]:
        feeds: dict[str, NDArray[np.generic]] = {
            name + IDS: np.repeat(ids, POINTS, axis=0) for name, ids in known.items() if name + IDS in self._inputs
        }
        for name in self._inputs & ends.keys():
            feeds[name] = starts[name] + along[:, None, None] * (ends[name] - starts[name])
        answer = dict(zip(self._outputs, self._session.run(self._outputs, feeds), strict=True))
        return answer.pop(LOGIT), {name.removeprefix(GRADIENT): values for name, values in answer.items()}

    def _vectors(self, row: Feeds) -> Vectors:
        """Look a row's vectors up; behind the end of a history there is nothing, whatever id 0 would look up."""
        histories = self._ranker.spec.histories
        vectors = {name: table[row[name][0]] for name, table in self._tables.items()}
        if self._picture_width:
            vectors[PICTURE] = row[PICTURE][0]
        return {
            name: found * (row[name][0] != 0)[:, None].astype(np.float32) if name in histories else found
            for name, found in vectors.items()
        }

    def _shares(self, known: Feeds, nobody: Feeds) -> Shares:
        slope = self._ranker.metadata.calibration.slope
        shares: list[Share] = []
        history = np.zeros(self._ranker.spec.history_length)
        for name, numbers in self.walk(known, nobody, self._aim())[2].items():
            amounts = slope * numbers.sum(axis=1, dtype=np.float64)
            if name in self._ranker.spec.histories:
                history += amounts
            elif not np.array_equal(known[name], nobody[name]):
                shares.append(Share(name, None, float(amounts[0])))
        length = int(known["history_length"][0, 0])
        return (*shares, *(Share(HISTORY, place, float(history[place])) for place in range(length)))
