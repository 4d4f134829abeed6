"""From pixels to embeddings: the one door of this library for programs that recognise or enrol."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faceid.align import align
from faceid.contract import UNPROTECTED, EmbeddingContract
from faceid.detect import Detector, Face
from faceid.embed import Embedder
from faceid.errors import DegenerateLandmarks, NoFace, SeveralFaces
from faceid.manifest import Manifest
from faceid.quality import ENROLMENT, SCREEN, Quality, measure
from faceid.rules import Profile, failed, refusal
from faceid.session import OnnxSession
from faceid.upright import upright

MOST_EMBEDDED = 8
"""Faces embedded per frame, largest first: more people do not stand before one screen close enough to be known."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFace:
    """One face of a frame.

    Attributes:
        face: where it is.
        quality: what was measured and what, if anything, makes it unusable.
        embedding: unit vector, float32, shape (128,); None when the face is unusable or beyond the eight largest.
    """

    face: Face
    quality: Quality
    embedding: NDArray[np.float32] | None = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Enrolment:
    """The one usable face of an enrolment picture.

    Attributes:
        face: where it is.
        quality: what was measured.
        embedding: unit vector, float32, shape (128,), not yet protected.
    """

    face: Face
    quality: Quality
    embedding: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Detection, quality, alignment and embedding; safe to share between threads. Pictures are kept nowhere."""

    detector: Detector
    embedder: Embedder
    manifest: Manifest

    @classmethod
    def load(cls, models_dir: Path) -> Self:
        """Load the models below ``models_dir`` after checking their digests.

        Raises:
            ModelsUnavailable: a file is missing, damaged or cannot run here.
        """
        manifest = Manifest.load(models_dir)
        detector = Detector(OnnxSession(models_dir / manifest.detector.file))
        embedder = Embedder(OnnxSession(models_dir / manifest.recogniser.file))
        return cls(detector, embedder, manifest)

    def contract(self, protection: str = UNPROTECTED) -> EmbeddingContract:
        """Return the contract of embeddings made here and then protected as named; see ``Protection.name``."""
        manifest = self.manifest
        return EmbeddingContract(manifest.recogniser.sha256, manifest.preprocessing, manifest.dimension, protection)

    def faces(self, image: NDArray[np.uint8], profile: Profile = SCREEN) -> list[DetectedFace]:
        """Find all faces of a frame and embed the usable ones in one run.

        Args:
            image: RGB, uint8, shape (height, width, 3), from :func:`faceid.image.decode`.
            profile: how good a face must be to be embedded.

        Returns:
            Every face, largest first; bystanders count, so unusable faces are listed too, without embedding.
        """
        found = [self._examined(image, face, profile) for face in self.detector.faces(image)]
        chosen = [one for one in found if one.quality.usable][:MOST_EMBEDDED]
        vectors = iter(self.embedder.embed([one.crop for one in chosen if one.crop is not None]))
        return [DetectedFace(one.face, one.quality, next(vectors) if one in chosen else None) for one in found]

    def enrolment(self, image: NDArray[np.uint8]) -> Enrolment:
        """Embed the face of an enrolment picture, which shows exactly one person well.

        Args:
            image: RGB, uint8, shape (height, width, 3), from :func:`faceid.image.decode`.

        Raises:
            NoFace, SeveralFaces: not exactly one face.
            FaceRefused: the face falls short of the ENROLMENT profile; the subclass and its code say why.
        """
        one = _only([self._examined(image, face, ENROLMENT) for face in self.detector.faces(image)])
        if one.quality.reasons or one.crop is None:
            raise refusal(one.quality.reasons[0], one.quality.figures, ENROLMENT)
        return Enrolment(one.face, one.quality, self.embedder.embed([one.crop])[0])

    def _examined(self, image: NDArray[np.uint8], face: Face, profile: Profile) -> "_Examined":
        if face.eye_distance >= profile.eye_distance:
            face = upright(self.detector, image, face)
        try:
            crop = align(image, face.landmarks)
        except DegenerateLandmarks:
            crop = None
        return _Examined(face, measure(image, face, crop, profile), crop)


@dataclass(frozen=True, slots=True, eq=False)
class _Examined:
    face: Face
    quality: Quality
    crop: NDArray[np.uint8] | None = field(repr=False)


def _only(found: list[_Examined]) -> _Examined:
    """Pick the one person of an enrolment picture; somebody far in the background does not count."""
    people = [one for one in found if not failed(one.quality.figures, SCREEN)] or found[:1]
    if not people:
        raise NoFace(
            "There is no face in the picture.",
            expected="exactly one person, facing the camera.",
            remedy="Step in front of the camera and take the picture again.",
        )
    if len(people) > 1:
        raise SeveralFaces(
            f"There are {len(people)} faces in the picture.",
            expected="exactly one person.",
            remedy="Let one person stand before the camera alone.",
        )
    return people[0]
