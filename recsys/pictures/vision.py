"""What turns a picture into a vector, and the two things that do: a fixed descriptor, and an operator's own network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol, Self

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from recsys.pictures.projection import unit
from recsys.serving.session import open_session

Image = NDArray[np.uint8]
Vector = NDArray[np.float32]


class Vision(Protocol):
    """Describes pictures; the same picture has the same vector in every process and in every year.

    Attributes:
        name: what describes, for reports; a model that was trained with one is served with the same.
        width: numbers of a vector.
    """

    @property
    def name(self) -> str: ...

    @property
    def width(self) -> int: ...

    def describe(self, image: Image) -> Vector:
        """Describe a picture, RGB, shape (height, width, 3); a vector of length 1, shape (width,)."""
        ...


class VisionRefused(ValueError):
    """A file is no network that describes pictures."""


@dataclass(frozen=True, slots=True)
class VisionNetwork:
    """An operator's own frozen network, such as an image classifier without its last layer.

    Attributes:
        name: SHA-256 of the file.
        size: pixels of the square that it looks at.
        mean, spread: by which channels in 0 to 1 are shifted and divided.
    """

    session: onnxruntime.InferenceSession
    name: str
    width: int
    size: int
    mean: tuple[float, float, float]
    spread: tuple[float, float, float]

    @classmethod
    def load(
        cls,
        path: Path,
        expected_digest: str,
        *,
        size: int = 224,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        spread: Sequence[float] = (0.229, 0.224, 0.225),
    ) -> Self:
        """Load an ONNX file with one input, float32 (1, 3, size, size) RGB, and prove it on a grey picture.

        Raises:
            VisionRefused: the digest is another one, onnxruntime cannot run the file, or it gives no finite vector.
        """
        content = path.read_bytes()
        digest = sha256(content).hexdigest()
        if digest != expected_digest:
            raise VisionRefused(f"the file has digest {digest}, expected {expected_digest}; get the right file")
        try:
            session = open_session(content)
            found = session.run(None, {session.get_inputs()[0].name: np.zeros((1, 3, size, size), np.float32)})[0]
        except Exception as error:
            raise VisionRefused(f"the file cannot be run on a picture of {size} pixels: {error}") from error
        if not found.size or not np.isfinite(found).all():
            raise VisionRefused(f"the file gives {found.shape}, expected finite numbers")
        red, green, blue = mean
        return cls(session, digest, int(found.size), size, (red, green, blue), (spread[0], spread[1], spread[2]))

    def describe(self, image: Image) -> Vector:
        """Run the network on a picture, RGB; a vector of length 1, shape (width,)."""
        small = cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        shifted = (small - np.array(self.mean)) / np.array(self.spread)
        batch = np.ascontiguousarray(shifted.transpose(2, 0, 1)[None], dtype=np.float32)
        found: Vector = self.session.run(None, {self.session.get_inputs()[0].name: batch})[0]
        return unit(found.reshape(-1))
