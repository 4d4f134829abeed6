"""OpenCV's own detector and recogniser, run as its documentation says: what this library is measured against."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import MAX_SIDE, OVERLAP_THRESHOLD, SCORE_THRESHOLD
from faceid.errors import ModelsUnavailable
from faceid.evaluate.acquisition import standing
from faceid.frame import Frame, Pixels, require

_MOST_FACES = 5000
"""The documentation's default for the candidates before overlapping ones are dropped."""


@dataclass(frozen=True, slots=True)
class OpenCV:
    """``cv2.FaceDetectorYN`` and ``cv2.FaceRecognizerSF`` on frames shrunk to the same side as ours.

    Attributes:
        name: of the recogniser's file.
    """

    DIMENSION: ClassVar[int] = 128
    """Numbers in one of its embeddings."""

    name: str
    _detector: Any
    _recogniser: Any

    @classmethod
    def load(cls, detector: Path, recogniser: Path) -> Self:
        """Load two ONNX files into OpenCV's own network module.

        Raises:
            ModelsUnavailable: OpenCV refuses a file.
        """
        try:
            return cls(
                recogniser.name,
                cv2.FaceDetectorYN.create(
                    str(detector), "", (MAX_SIDE, MAX_SIDE), SCORE_THRESHOLD, OVERLAP_THRESHOLD, _MOST_FACES
                ),
                cv2.FaceRecognizerSF.create(str(recogniser), ""),
            )
        except cv2.error as error:
            raise ModelsUnavailable(
                f"OpenCV {cv2.__version__} refuses {detector.name} or {recogniser.name}.",
                expected="a YuNet and an SFace file that OpenCV loads.",
                remedy="Name the published files, or leave the comparison out.",
            ) from error

    def embeddings(self, frame: Frame, *, most: int) -> NDArray[np.float32]:
        """Embed the largest faces of a frame, one run of the network each, as OpenCV offers it.

        Args:
            frame: as :meth:`faceid.pipeline.Pipeline.faces` takes it.
            most: faces at most, largest first.

        Returns:
            Unit vectors, float32, shape (faces, 128), largest face first.

        Raises:
            ColourUnknown: an array whose colour order nobody vouched for.
        """
        image, rows = self._found(frame)
        rows = rows[np.argsort(-rows[:, 2] * rows[:, 3], kind="stable")[:most]]
        return self._embedded(image, rows)

    def main(self, frame: Frame) -> NDArray[np.float32] | None:
        """Embed the face that a picture is about, by the rule of :func:`faceid.evaluate.acquisition.standing`.

        Returns:
            A unit vector, float32, shape (128,); None where no face is found.

        Raises:
            ColourUnknown: an array whose colour order nobody vouched for.
        """
        image, rows = self._found(frame)
        if not len(rows):
            return None
        row = max(rows, key=lambda one: standing(one[:4], *image.shape[:2]))
        vector: NDArray[np.float32] = self._embedded(image, row[None])[0]
        return vector

    def _found(self, frame: Frame) -> tuple[Pixels, NDArray[np.float32]]:
        """Return the frame as BGR, and a row per face as OpenCV gives it, in pixels of the frame."""
        image = np.ascontiguousarray(require(frame)[..., ::-1])
        scale = min(1.0, MAX_SIDE / max(image.shape[:2]))
        if scale < 1.0:
            size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        else:
            small = image
        self._detector.setInputSize((small.shape[1], small.shape[0]))
        found = self._detector.detect(small)[1]
        rows = np.empty((0, 15), dtype=np.float32) if found is None else np.array(found, dtype=np.float32)
        rows[:, :14] /= np.float32(scale)
        return image, rows

    def _embedded(self, image: Pixels, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        if not len(rows):
            return np.empty((0, self.DIMENSION), dtype=np.float32)
        features = [self._recogniser.feature(self._recogniser.alignCrop(image, row))[0] for row in rows]
        vectors = np.array(features, dtype=np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
