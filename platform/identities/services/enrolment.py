"""Enrol a face, with its consent, in one transaction."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

import faceid.image
from audit.services import record
from core.epochs import Topic, bump
from faceid.match import THRESHOLD_STRICT
from faceid.pipeline import Enrolment
from identities.errors import AlreadyEnrolled, RecognitionNotConsented, face_problems
from identities.faces import contract, pipeline
from identities.keys import protection
from identities.models import Template
from identities.pgvector_engine import PgvectorEngine
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
        venue_id: where the kiosk stands.
        here_only: limit the consents to that venue.
        expires_at: when the consents end; None for the longest term.

    Raises:
        RecognitionNotConsented: ``purposes`` lacks ``recognise``.
        FaceUnusable, ImageTypeUnsupported: the picture or the face in it cannot be used; the code says why.
        AlreadyEnrolled: the face is too near to one that is enrolled here.
        NoPurpose, PurposeNotExplained, NoticeOutdated, ConsentTermInvalid: as ``subjects.services.give_consent``.
    """
    if Purpose.RECOGNISE not in purposes:
        raise RecognitionNotConsented("A face is enrolled only with consent to recognise. Register without a camera.")
    with face_problems():
        captured = pipeline().enrolment(faceid.image.decode(frame, content_type))
    vector = protection(operator_id).apply(captured.embedding)
    contract_id = contract(operator_id).id
    _require_new(PgvectorEngine(operator_id, contract_id), vector, operator_id, at, venue_id)
    registration = register(
        operator_id=operator_id, origin=origin, notice=notice, purposes=purposes, channel=channel, actor=actor,
        method=method, at=at, venue_id=venue_id if here_only else None, expires_at=expires_at,
    )  # fmt: skip
    template = Template.objects.create(
        operator_id=operator_id, subject=registration.subject, contract=contract_id, embedding=vector,
        quality=_figures(captured),
    )  # fmt: skip
    bump(operator_id=operator_id, topic=Topic.GALLERY)
    record(
        operator_id=operator_id, actor=actor, action="subject.enrolled", target=registration.subject.public_id,
        detail={"template": template.public_id, "contract": contract_id},
    )  # fmt: skip
    return registration


def _require_new(engine: PgvectorEngine, vector: Any, operator_id: UUID, at: datetime, venue_id: UUID | None) -> None:
    """Refuse a face that those who may be recognised here already include.

    The database is asked, not the index of this process: an index filled inside a transaction that fails afterwards
    would hold what never was.
    """
    with connection.cursor() as cursor:  # the same person at two kiosks at once
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('enrol:' || %s, 0))", [str(operator_id)])
    nearest = engine.nearest(vector[None, :], k=1, threshold=THRESHOLD_STRICT, at=at, venue=str(venue_id or ""))
    if nearest[0]:
        raise AlreadyEnrolled("This face is enrolled here already. Use its receipt to change or withdraw the consents.")


def _figures(captured: Enrolment) -> dict[str, float]:
    figures = captured.quality.figures
    measured = {"score": figures.score, "eye_distance": figures.eye_distance, "sharpness": figures.sharpness}
    return {name: round(value, 3) for name, value in measured.items()}
