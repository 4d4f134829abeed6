"""Turning aligned faces into embeddings with SFace."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.session import Session

DIMENSION = 128
PREPROCESSING = "upright-arcface112-rgb255-l2-v1"
"""Version of landmarks (found again upright), crop (112 x 112, ArcFace reference), colour order and range (RGB, 0-255)
and normalisation (L2)."""


@dataclass(frozen=True, slots=True)
class Embedder:
    """SFace: Zhong et al., IEEE TIP 30, 2021."""

    session: Session

    def embed(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Embed aligned faces in one run of the network.

        Args:
            crops: RGB, uint8, each of shape (112, 112, 3), from :func:`faceid.align.align`.

        Returns:
            Unit vectors, float32, shape (len(crops), 128).
        """
        if not crops:
            return np.empty((0, DIMENSION), dtype=np.float32)
        features = self.session.run({"data": network_input(crops)})[0]
        length = np.linalg.norm(features, axis=1, keepdims=True)
        vectors: NDArray[np.float32] = features / np.maximum(length, np.finfo(np.float32).tiny)
        return vectors


def network_input(crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Lay crops out as the network wants them: RGB, 0 to 255, float32, shape (n, 3, 112, 112)."""
    blob: NDArray[np.float32] = cv2.dnn.blobFromImages(list(crops)).astype(np.float32, copy=False)
    return blob
