"""Turning aligned faces into embeddings."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from faceid.errors import ModelsUnavailable
from faceid.manifest import Normalisation, RecogniserModel
from faceid.pixels import filled, tensor_of
from faceid.session import Session

MOST_CROPS: Final = 8
"""Crops of one run at most: more gain nothing, and memory stays bounded."""

_UNIT: Final = 1e-2


class Embedder:
    """A recogniser, by default SFace: Zhong et al., IEEE TIP 30, 2021."""

    __slots__ = ("_exactly", "_output", "model", "session")

    def __init__(self, session: Session, model: RecogniserModel) -> None:
        """Feed a session as its model declares.

        Raises:
            ModelsUnavailable: the network lacks the input or output that the declaration names.
        """
        self.session, self.model = session, model
        shape = session.inputs.get(model.input.name)
        if shape is None or len(shape) != 4 or model.output not in session.outputs:
            raise ModelsUnavailable(
                f"The recogniser {model.model.file} has inputs {[*session.inputs]} and outputs {[*session.outputs]}.",
                expected=f"input {model.input.name!r} of four axes and output {model.output!r}.",
                remedy="Declare in the manifest what the file has.",
            )
        self._exactly = shape[0]
        self._output = session.outputs.index(model.output)

    def embed(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Embed aligned faces, up to eight in one run of the network.

        Args:
            crops: RGB, uint8, each of shape (side, side, 3), from :func:`faceid.align.align`.

        Returns:
            Unit vectors, float32, shape (len(crops), dimension).

        Raises:
            ModelsUnavailable: the network gives something else than the declaration says.
        """
        if not crops:
            return np.empty((0, self.model.dimension), dtype=np.float32)
        features = self._features(crops)
        if self.model.flip:
            # Mirrored crops add the other half of the evidence: Parkhi et al., BMVC 2015, section 4.
            features = features + self._features([crop[:, ::-1] for crop in crops])
        length = np.linalg.norm(features, axis=1, keepdims=True)
        vectors: NDArray[np.float32] = features / np.maximum(length, np.finfo(np.float32).tiny)
        return vectors

    def _features(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        most = self._exactly or MOST_CROPS
        runs = [self._run(crops[begin : begin + most]) for begin in range(0, len(crops), most)]
        features = np.concatenate(runs)
        self._require_declared(features, len(crops))
        return features

    def _run(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        inputs = {self.model.input.name: tensor_of(filled(crops, self._exactly), self.model.input)}
        features = self.session.run(inputs)[self._output]
        return features.reshape(len(features), -1)[: len(crops)]

    def _require_declared(self, features: NDArray[np.float32], count: int) -> None:
        length = np.linalg.norm(features, axis=1)
        unit = self.model.normalisation is Normalisation.L2 or bool((np.abs(length - 1.0) <= _UNIT).all())
        if features.shape != (count, self.model.dimension) or not np.isfinite(features).all() or not unit:
            raise ModelsUnavailable(
                f"The recogniser {self.model.model.file} gave {features.shape[1]} numbers for a face, or no numbers.",
                expected=f"{self.model.dimension} finite numbers, normalisation {self.model.normalisation}.",
                remedy="Declare in the manifest what the file gives.",
            )
