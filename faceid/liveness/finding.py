"""Finding the face that is to be judged, in whole frames and in pictures that hold nothing but a face."""

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import Detector, Face

_RIM = 0.35
"""Width of the rim that is put around a picture without a face, shares of its larger side."""

_LENIENT = 0.5


def find_face(detector: Detector, image: NDArray[np.uint8]) -> Face | None:
    """Find the largest face of a picture.

    Detectors learnt faces that have surroundings: where a face fills the picture, a rim of blurred border is put
    around it and the search repeated.

    Args:
        detector: finds faces.
        image: RGB, uint8, shape (height, width, 3).

    Returns:
        The face in pixels of ``image``, or None.
    """
    faces = detector.faces(image)
    if faces:
        return faces[0]
    rim = max(8, round(_RIM * max(image.shape[:2])))
    framed = cv2.copyMakeBorder(image, rim, rim, rim, rim, cv2.BORDER_REPLICATE)
    faces = detector.faces(np.asarray(framed, dtype=np.uint8), threshold=_LENIENT)
    if not faces:
        return None
    shift = np.float32(rim)
    face = faces[0]
    box = face.box - np.array([shift, shift, 0.0, 0.0], dtype=np.float32)
    return Face(box, face.score, face.landmarks - shift)
