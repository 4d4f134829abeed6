"""The vectors of a catalogue's pictures, each made once."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256

import cv2
import numpy as np

from recsys.pictures.vision import Image, Vector, Vision

MOST = 100_000
"""Vectors that are remembered, 26 MB of 64 numbers each; the oldest are forgotten first."""


class PictureUnreadable(ValueError):
    """The bytes are no picture that OpenCV can decode."""


class Album:
    """Describes pictures and remembers the vectors by the digest of the file, so that each is looked at once."""

    def __init__(self, vision: Vision) -> None:
        self.vision = vision
        self._vectors: OrderedDict[str, Vector] = OrderedDict()

    def describe(self, content: bytes) -> Vector:
        """Describe a picture file; a vector of length 1, shape (width,).

        Raises:
            PictureUnreadable: the bytes are no picture.
        """
        digest = sha256(content).hexdigest()
        if digest not in self._vectors:
            self._vectors[digest] = self.vision.describe(decode(content))
            if len(self._vectors) > MOST:
                self._vectors.popitem(last=False)
        return self._vectors[digest]


def decode(content: bytes) -> Image:
    """Decode a picture file to RGB, shape (height, width, 3).

    Raises:
        PictureUnreadable: the bytes are no picture.
    """
    found = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_COLOR) if content else None
    if found is None:
        raise PictureUnreadable(f"{len(content)} bytes are no picture; expected a JPEG, PNG or WebP file")
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), dtype=np.uint8)
