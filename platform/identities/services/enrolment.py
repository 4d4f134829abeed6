"""Enrol a face, with its consent, in one transaction."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

import faceid.image
from audit.services import record
from core.epochs import Topic, bump
from faceid.frame import require
from faceid.liveness.capture import Look, infrared_of
from faceid.match import THRESHOLD_STRICT
from faceid.pipeline import Enrolment
from faceid.rules import Figures
from identities import minors, selectors
from identities.errors import AlreadyEnrolled, GuardianNeeded, RecognitionNotConsented, face_problems
from identities.faces import Space, Spaces, current, read
from identities.models import Template
from identities.pgvector_engine import PgvectorEngine
from identities.pictures import Frame
from identities.services.presence import Answered, Proof, announce, confirm
from identities.services.rotation import keep_still, put_on_record
from subjects.purposes import Purpose
from subjects.services import Notice, Registration, register


@transaction.atomic
def enrol(
    *,
    operator_id: UUID,
    frame: bytes,
    content_type: str | None,
    notice: Notice,
    purposes: Collection[str],
    channel: str,
    actor: str,
    at: datetime,
    proof: Proof,
    infrared: Frame | None = None,
    origin: str = "kiosk",
    method: str = "tick_box",
    venue_id: UUID | None = None,
    here_only: bool = False,
    expires_at: datetime | None = None,
) -> Registration:
    """Register somebody with the protected template of their face; the frame is dropped.

    Consent and template are one transaction, and the database refuses the template without the consent.

    Args:
        frame: a JPEG, PNG or WebP file that shows one person well.
        proof: why the person in the picture is there; see ``identities.services.presence``.
        infrared: near-infrared frame taken together with the picture; liveness is judged on it, and it is dropped.
        venue_id: where the kiosk stands.
        here_only: limit the consents to that venue.
        expires_at: when the consents end; None for the longest term.

    Raises:
        RecognitionNotConsented: ``purposes`` lacks ``recognise``.
        FaceUnusable, ImageTypeUnsupported: the picture or the face in it cannot be used; the code says why.
        ChallengeRequired, LivenessUnavailable, ChallengeForeign, ChallengeUsed, ChallengeFailed, SpoofSuspected: the
            proof does not count; as ``announce`` and ``confirm`` say.
        GuardianNeeded: the face is not surely an adult's, and the operator asked for that.
        AlreadyEnrolled: the face is too near to one that is enrolled here.
        ProtectionKeyLost: the operator's key is gone, or was destroyed.
        NoPurpose, PurposeNotExplained, NoticeOutdated, ConsentTermInvalid: as ``subjects.services.give_consent``.
    """
    if Purpose.RECOGNISE not in purposes:
        raise RecognitionNotConsented("A face is enrolled only with consent to recognise. Register without a camera.")
    challenge = announce(operator_id=operator_id, actor=actor, proof=proof)
    with face_problems():
        image = faceid.image.decode(frame, content_type)
        lit = (
            None if infrared is None else infrared_of(faceid.image.decode(infrared.data, infrared.content_type), image)
        )
        pipeline = current(operator_id).active.pipeline
        captured = pipeline.enrolment(image)
    if challenge is not None and isinstance(proof, Answered):
        confirm(
            challenge=challenge, answer=proof, captured=captured, picture=image, pipeline=pipeline, at=at, infrared=lit
        )
    _require_adult(operator_id, Look(require(image), captured.face))
    keep_still(operator_id)  # the same person at two kiosks at once, or a rotation of the key
    spaces = read(operator_id)
    vectors = {space: _vector(space, spaces, image, captured) for space in spaces}
    for space, vector in vectors.items():
        _require_new(PgvectorEngine(operator_id, space.id), vector, at, venue_id)
    put_on_record(operator_id, spaces)
    registration = register(
        operator_id=operator_id, origin=origin, notice=notice, purposes=purposes, channel=channel, actor=actor,
        method=method, at=at, venue_id=venue_id if here_only else None, expires_at=expires_at,
    )  # fmt: skip
    templates = [
        Template.objects.create(
            operator_id=operator_id, subject=registration.subject, contract=space.id, embedding=vector,
            quality=figures_of(captured.quality.figures),
        )
        for space, vector in vectors.items()
    ]  # fmt: skip
    bump(operator_id=operator_id, topic=Topic.GALLERY)
    record(
        operator_id=operator_id, actor=actor, action="subject.enrolled", target=registration.subject.public_id,
        detail={
            "templates": {template.contract: template.public_id for template in templates},
            "presence": type(proof).__name__.lower(),
        },
    )  # fmt: skip
    return registration


def figures_of(figures: Figures) -> dict[str, float]:
    """Return what is kept of a capture's quality; brightness is left out: it would tell the colour of the skin."""
    measured = {"score": figures.score, "eye_distance": figures.eye_distance, "sharpness": figures.sharpness}
    return {name: round(value, 3) for name, value in measured.items()}


def _vector(space: Space, spaces: Spaces, image: NDArray[np.uint8], captured: Enrolment) -> NDArray[np.float32]:
    if space.pipeline is spaces.active.pipeline:
        return space.protection.apply(captured.embedding)
    return space.template(image, captured.face)


def _require_adult(operator_id: UUID, look: Look) -> None:
    """Refuse whoever is not surely adult where the operator asked for it; the estimate is kept nowhere."""
    if minors.must_stay_anonymous(selectors.minors(operator_id=operator_id), [look]):
        raise GuardianNeeded(
            "Here a face is enrolled only where it is an adult's without doubt. Go on without a picture, together with"
            " a parent or guardian if you are not of age: a code works as well."
        )


def _require_new(engine: PgvectorEngine, vector: NDArray[np.float32], at: datetime, venue_id: UUID | None) -> None:
    """Refuse a face that those who may be recognised here already include.

    The database is asked, not the index of this process: an index filled inside a transaction that fails afterwards
    would hold what never was.
    """
    nearest = engine.nearest(vector[None, :], k=1, threshold=THRESHOLD_STRICT, at=at, venue=str(venue_id or ""))
    if nearest[0]:
        raise AlreadyEnrolled("This face is enrolled here already. Use its receipt to change or withdraw the consents.")
