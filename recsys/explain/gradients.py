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
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from recsys.explain.attribution import HISTORY, Attribution, Method, Share
from recsys.explain.errors import UnreadableGradients
from recsys.explain.explainer import Explainer
from recsys.explain.rows import anonymous, log_odds_of, unseen
from recsys.explain.tables import read_tables
from recsys.features import PICTURE, Feeds
from recsys.serving.ranker import Ranker, open_session

POINTS = 32
"""Rows of the graph: both ends of a stretch and thirty points of Gauss-Legendre quadrature within it."""
MOST_STRETCHES = 16
METHOD: Final[Method] = "integrated_gradients"
IDS = "_ids"
LOGIT = "logit"
GRADIENT = "gradient_"
EXPLAINS, TABLES = "vitrine.explains", "vitrine.tables"

Shares = tuple[Share, ...]
Vectors = dict[str, NDArray[np.float32]]
"""Feature name to its vectors, shape (places, width)."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(POINTS - 2)


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

        Each line is walked in one stretch first, and in twice as many while the shares of one, or of both together, do
        not add up.

        Args:
            row: int32 ids, shape (1, length of the feature); picture (1, 1, width).

        Raises:
            IncompleteAttribution: they do not, not even with sixteen stretches.
        """
        row = self._looked_at(row)
        nobody = anonymous(row, self._ranker)
        blank = unseen(nobody)
        score, seen, baseline = (log_odds_of(self._ranker, one) for one in (row, nobody, blank))
        stretches = 1
        while True:
            personal = Attribution(METHOD, score, seen, self._shares(row, nobody, stretches))
            picture = Attribution(METHOD, seen, baseline, self._picture_share(nobody, blank, stretches))
            parts = (personal, picture, Attribution(METHOD, score, baseline, picture.shares + personal.shares))
            if all(one.complete for one in parts) or stretches == MOST_STRETCHES:
                return [one.proven() for one in parts][-1]
            stretches *= 2

    def walk(self, known: Feeds, nobody: Feeds, stretches: int) -> tuple[float, float, Vectors]:
        """Integrate the gradient along the line between two encoded rows.

        Returns:
            Uncalibrated log-odds at its end and at its beginning, and for each feature the shares of its vectors'
            numbers, shape (places, width).
        """
        ends, starts = self._vectors(known), self._vectors(nobody)
        totals = {name: np.zeros_like(vectors) for name, vectors in ends.items()}
        first = last = 0.0
        for stretch in range(stretches):
            low, high = stretch / stretches, (stretch + 1) / stretches
            inner = low + (high - low) * (_NODES + 1) / 2
            along = np.concatenate(([low], inner, [high])).astype(np.float32)
            log_odds, gradients = self._run(known, starts, ends, along)
            first, last = (float(log_odds[0]) if stretch == 0 else first), float(log_odds[-1])
            weights = (_WEIGHTS * (high - low) / 2).astype(np.float32)
            for name, gradient in gradients.items():
                totals[name] += np.tensordot(weights, gradient[1:-1], axes=1)
        return last, first, {name: totals[name] * (ends[name] - starts[name]) for name in totals}

    def _looked_at(self, row: Feeds) -> Feeds:
        """Give a row the picture that the graph asks for, zeros where the creative has none."""
        if not self._picture_width or PICTURE in row:
            return row
        return row | {PICTURE: np.zeros((1, 1, self._picture_width), dtype=np.float32)}

    def _picture_share(self, seen: Feeds, blank: Feeds, stretches: int) -> Shares:
        if not self._picture_width or not seen[PICTURE].any():
            return ()
        numbers = self.walk(seen, blank, stretches)[2][PICTURE]
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

    def _shares(self, known: Feeds, nobody: Feeds, stretches: int) -> Shares:
        slope = self._ranker.metadata.calibration.slope
        shares: list[Share] = []
        history = np.zeros(self._ranker.spec.history_length)
        for name, numbers in self.walk(known, nobody, stretches)[2].items():
            amounts = slope * numbers.sum(axis=1, dtype=np.float64)
            if name in self._ranker.spec.histories:
                history += amounts
            elif not np.array_equal(known[name], nobody[name]):
                shares.append(Share(name, None, float(amounts[0])))
        length = int(known["history_length"][0, 0])
        return (*shares, *(Share(HISTORY, place, float(history[place])) for place in range(length)))
