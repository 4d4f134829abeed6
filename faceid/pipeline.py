"""From pixels to embeddings: the one door of this library for programs that recognise or enrol."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faceid.align import SIDE, align
from faceid.contract import UNPROTECTED, EmbeddingContract
from faceid.detect import SIDES, Detector, Face
from faceid.embed import Embedder
from faceid.errors import DegenerateLandmarks
from faceid.frame import Frame, require
from faceid.manifest import Manifest
from faceid.mesh import FaceMesh
from faceid.quality import ENROLMENT, SCREEN, Quality, measure, only
from faceid.rules import Profile, refusal
from faceid.session import DEFAULT, Limits, OnnxSession
from faceid.upright import upright

MOST_EMBEDDED = 8
"""Faces embedded per frame, largest first: more people do not stand before one screen close enough to be known."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFace:
    """One face of a frame.

    Attributes:
        face: where it is.
        quality: what was measured and what, if anything, makes it unusable.
        embedding: unit vector, float32, shape (dimension,); None when the face is unusable or beyond the eight largest.
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
        embedding: unit vector, float32, shape (dimension,), not yet protected.
    """

    face: Face
    quality: Quality
    embedding: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Detection, quality, alignment and embedding; safe to share between threads. Pictures are kept nowhere.

    Attributes:
        detector, embedder, manifest: the two networks, and what is known of them.
        mesh: dense landmarks for what enrolment measures beyond the screen; None where they are not installed, and
            then ``Quality.unmeasured`` names what nobody looked at.
    """

    detector: Detector
    embedder: Embedder
    manifest: Manifest
    mesh: FaceMesh | None = None

    @classmethod
    def load(cls, models_dir: Path, limits: Limits = DEFAULT, *, flip: bool | None = None) -> Self:
        """Load the models that the manifest of ``models_dir`` names, after checking their digests.

        Args:
            models_dir: made by ``python -m faceid prepare``, or an operator's own; see ``docs/operations.md``.
            limits: threads, memory and execution provider of each network.
            flip: average each embedding over the crop and its mirror image, or not; None: as the manifest says. Part
                of the embedding contract.

        Raises:
            ModelsUnavailable: a file is missing, damaged, other than declared, or cannot run here.
        """
        manifest = Manifest.load(models_dir)
        if flip is not None:
            manifest = replace(manifest, recogniser=replace(manifest.recogniser, flip=flip))
        detector = Detector(OnnxSession(models_dir / manifest.detector.model.file, limits), manifest.detector)
        embedder = Embedder(OnnxSession(models_dir / manifest.recogniser.model.file, limits), manifest.recogniser)
        return cls(detector, embedder, manifest, FaceMesh.load(models_dir, limits))

    def contract(self, protection: str = UNPROTECTED) -> EmbeddingContract:
        """Return the contract of embeddings made here and then protected as named; see ``Protection.name``."""
        recogniser = self.manifest.recogniser
        return EmbeddingContract(recogniser.model.sha256, recogniser.preprocessing, recogniser.dimension, protection)

    def faces(self, frame: Frame, profile: Profile = SCREEN, *, sides: Sequence[int] = SIDES) -> list[DetectedFace]:
        """Find all faces of a frame and embed the usable ones in one run.

        Args:
            frame: from :func:`faceid.image.decode`, :func:`faceid.frame.from_rgb` or :func:`faceid.frame.from_bgr`.
            profile: how good a face must be to be embedded.
            sides: sizes the frame is looked at in; see :meth:`faceid.detect.Detector.faces`.

        Returns:
            Every face, largest first; bystanders count, so unusable faces are listed too, without embedding.

        Raises:
            ColourUnknown: an array whose colour order nobody vouched for.
            ValueError: sides that the detector does not take.
        """
        return self.batch([frame], profile, sides=sides)[0]

    def batch(
        self, frames: Sequence[Frame], profile: Profile = SCREEN, *, sides: Sequence[int] = SIDES
    ) -> list[list[DetectedFace]]:
        """Find and embed the faces of several frames; those of equal size are looked at in one run.

        Args:
            frames: as in :meth:`faces`.
            profile, sides: as in :meth:`faces`.

        Returns:
            Per frame what :meth:`faces` returns.

        Raises:
            ColourUnknown, ValueError: as :meth:`faces`, before any frame is looked at.
        """
        images = [require(frame) for frame in frames]
        seen = self.detector.batch(images, sides=sides)
        found = [
            [self._examined(image, face, profile) for face in faces] for image, faces in zip(images, seen, strict=True)
        ]
        chosen = [one for each in found for one in [one for one in each if one.quality.usable][:MOST_EMBEDDED]]
        vectors = dict(zip(map(id, chosen), self._embedded(chosen), strict=True))
        return [[DetectedFace(one.face, one.quality, vectors.get(id(one))) for one in each] for each in found]

    def enrolment(self, frame: Frame) -> Enrolment:
        """Embed the face of an enrolment picture, which shows exactly one person well.

        Args:
            frame: as in :meth:`faces`.

        Raises:
            NoFace, SeveralFaces: not exactly one face.
            FaceRefused: the face falls short of the ENROLMENT profile; the subclass and its code say why.
            ColourUnknown: an array whose colour order nobody vouched for.
        """
        image = require(frame)
        one = only([self._examined(image, face, ENROLMENT) for face in self.detector.faces(image)])
        if one.quality.reasons or one.crop is None:
            raise refusal(one.quality.reasons[0], one.quality.figures, ENROLMENT)
        return Enrolment(one.face, one.quality, self._embedded([one])[0])

    def _examined(self, image: NDArray[np.uint8], face: Face, profile: Profile) -> "_Examined":
        if face.eye_distance >= profile.eye_distance:
            face = upright(self.detector, image, face)
        try:
            crop = align(image, face.landmarks)
        except DegenerateLandmarks:
            crop = None
        return _Examined(image, face, measure(image, face, crop, profile, self.mesh), crop)

    def _embedded(self, chosen: Sequence["_Examined"]) -> NDArray[np.float32]:
        side = self.manifest.recogniser.side
        if side == SIDE:
            return self.embedder.embed([one.crop for one in chosen if one.crop is not None])
        return self.embedder.embed([align(one.image, one.face.landmarks, side) for one in chosen])


@dataclass(frozen=True, slots=True, eq=False)
class _Examined:
    image: NDArray[np.uint8] = field(repr=False)
    face: Face
    quality: Quality
    crop: NDArray[np.uint8] | None = field(repr=False)
