"""Where a thread lays out its decisions: inputs that stay bound to the session, so that a call only fills them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from recsys.features import ITEM_WORDS, PICTURE, Candidates, Context, FeatureSpec, Viewer, encode_viewers


class Desk:
    """The inputs of decisions for one number of viewers; of one thread, for a second one would write over the first.

    Handing fifteen arrays to `InferenceSession.run` costs as much as encoding them. Those of viewers always have the
    same shapes, so they are bound once; only the candidates, arrays of the catalogue, change places.

    Args:
        vision: what described the pictures that the model learnt from; those of another one would mean nothing to it.
    """

    def __init__(
        self, session: onnxruntime.InferenceSession, spec: FeatureSpec, viewers: int, vision: str = ""
    ) -> None:
        self.viewers = viewers
        self._vision = vision
        self._session = session
        self._spec = spec
        self._singles = np.zeros((len(spec.viewer_singles), viewers, 1), dtype=np.int32)
        self._histories = np.zeros((len(spec.histories), viewers, spec.history_length), dtype=np.int32)
        self._binding = session.io_binding()
        self._output = session.get_outputs()[0].name
        taken = {node.name: node.shape for node in session.get_inputs()}
        self._picture_width: int = taken[PICTURE][-1] if PICTURE in taken else 0
        self._candidates = [(place, name) for place, name in enumerate(ITEM_WORDS) if name in taken]
        self._bound: Candidates | None = None
        self._inputs: dict[str, NDArray[np.generic]] = {}
        rows = (
            *zip(spec.viewer_singles, self._singles, strict=True),
            *zip(spec.histories, self._histories, strict=True),
        )
        for name, ids in rows:
            if name in taken:
                self._binding.bind_cpu_input(name, ids)

    def rank(
        self, context: Context, viewers: Sequence[Viewer], candidates: Candidates, position: int
    ) -> NDArray[np.float32]:
        """Run the session on a decision: float32, shape (viewers, candidates)."""
        encode_viewers(context, viewers, position, self._spec, self._singles, self._histories)
        if candidates is not self._bound:  # decisions alike are among the very same ones
            self._bind(candidates)
        self._binding.bind_output(self._output)  # anew each time: its shape follows the candidates
        self._session.run_with_iobinding(self._binding)
        scores: NDArray[np.float32] = self._binding.copy_outputs_to_cpu()[0]
        return scores

    def _bind(self, candidates: Candidates) -> None:
        inputs: dict[str, NDArray[np.generic]] = {
            name: np.ascontiguousarray(candidates.ids[place : place + 1]) for place, name in self._candidates
        }
        if self._picture_width:
            inputs[PICTURE] = self._pictures(candidates)
        for name, values in inputs.items():
            self._binding.bind_cpu_input(name, values)
        self._bound, self._inputs = candidates, inputs  # the session reads them where they are

    def _pictures(self, candidates: Candidates) -> NDArray[np.float32]:
        """Lay out what the candidates look like, zeros where nobody looked; shape (1, candidates, width)."""
        if candidates.pictures is None or candidates.vision != self._vision:
            return np.zeros((1, len(candidates), self._picture_width), dtype=np.float32)
        return np.ascontiguousarray(candidates.pictures[None], dtype=np.float32)
