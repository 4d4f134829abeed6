"""Calibrate the recognition of an operator to their own gallery."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import transaction

import signage.selectors
from audit.services import record
from core.epochs import Topic, bump
from core.ids import public_id
from faceid.errors import FaceError
from faceid.openset.calibrate import Request
from faceid.openset.calibrate import calibrate as fit
from faceid.openset.calibration import Calibration
from faceid.openset.templates import Templates
from identities import selectors, thresholds
from identities.errors import CalibrationImpossible
from identities.faces import Space, read
from identities.models import Calibration as CalibrationRow
from identities.selectors import Term


@transaction.atomic
def calibrate(
    *,
    operator_id: UUID,
    target: float,
    actor: str,
    at: datetime,
    impostors: Templates | None = None,
    venue_id: UUID | None = None,
) -> Calibration:
    """Find the threshold that keeps strangers unknown, and recognise by it from the next request on.

    Templates stay protected: the operator's key turns the impostors as it turned the templates, and cosines survive.

    Args:
        target: false positive identification rate to keep, between 0 and 1.
        impostors: unprotected embeddings of people who are not enrolled, made with the operator's recogniser. None:
            the subjects are compared among each other.
        venue_id: calibrate this venue's share of the gallery, for its screens alone. None: the whole gallery, for
            every venue without a calibration of its own.

    Raises:
        NotFound: the operator has no such venue.
        CalibrationImpossible: too few subjects or impostors, or impostors of another recogniser.
    """
    space = read(operator_id).active
    contract = space.pipeline.contract().id
    venue = None if venue_id is None else signage.selectors.get_venue(operator_id=operator_id, venue_id=venue_id)
    enrolled = _enrolled(operator_id, space, at, venue_id)
    try:
        if impostors is not None:
            impostors.require(contract)
            impostors = Templates(contract, space.protection.apply(impostors.vectors), impostors.subjects)
        made = fit(enrolled, impostors, Request(target), at=at)
    except FaceError as error:
        raise CalibrationImpossible(str(error)) from error
    CalibrationRow.objects.update_or_create(
        operator_id=operator_id, contract=contract, venue=venue, defaults={"content": made.fields()}
    )
    bump(operator_id=operator_id, topic=Topic.GALLERY)
    record(
        operator_id=operator_id, actor=actor, action="recognition.calibrated", target=contract,
        detail={
            "target": target, "threshold": made.threshold, "gallery_size": made.gallery_size,
            "venue": None if venue is None else venue.public_id,
        },
    )  # fmt: skip
    return made


@transaction.atomic
def forget_calibration(*, operator_id: UUID, venue_id: UUID | None, actor: str) -> bool:
    """Recognise by the next wider rule again: a venue by the operator's, the operator by the default.

    Returns:
        Whether there was a calibration of the recogniser in use.
    """
    contract = read(operator_id).active.pipeline.contract().id
    if not thresholds.held_at(operator_id=operator_id, venue_id=venue_id).filter(contract=contract).delete()[0]:
        return False
    bump(operator_id=operator_id, topic=Topic.GALLERY)
    where = None if venue_id is None else public_id("ven", venue_id)
    record(
        operator_id=operator_id, actor=actor, action="recognition.uncalibrated", target=contract,
        detail={"venue": where},
    )  # fmt: skip
    return True


def _enrolled(operator_id: UUID, space: Space, at: datetime, venue_id: UUID | None) -> Templates:
    """Return the protected templates of everybody with a live consent, at a venue if one is named."""
    terms: Mapping[UUID, Term] = selectors.terms(operator_id=operator_id, contract=space.id)
    live = [
        template_id
        for template_id, term in terms.items()
        if term.expires_at > at and (venue_id is None or term.venue_id in {None, venue_id})
    ]
    vectors = selectors.vectors(operator_id=operator_id, template_ids=live)
    if not vectors:
        raise CalibrationImpossible("Nobody is enrolled here. Until somebody is, the threshold stays as it is.")
    subjects = np.array([str(terms[template_id].subject_id) for template_id in vectors])
    return Templates(space.pipeline.contract().id, np.stack(list(vectors.values())), subjects)
