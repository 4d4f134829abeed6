"""Calibrate the recognition of an operator to their own gallery."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import transaction

from audit.services import record
from core.epochs import Topic, bump
from faceid.errors import FaceError
from faceid.openset.calibrate import Request
from faceid.openset.calibrate import calibrate as fit
from faceid.openset.calibration import Calibration
from faceid.openset.templates import Templates
from identities import selectors
from identities.errors import CalibrationImpossible
from identities.faces import Space, read
from identities.models import Calibration as CalibrationRow
from identities.selectors import Term


@transaction.atomic
def calibrate(
    *, operator_id: UUID, target: float, actor: str, at: datetime, impostors: Templates | None = None
) -> Calibration:
    """Find the threshold that keeps strangers unknown, and recognise by it from the next request on.

    Templates stay protected: the operator's key turns the impostors as it turned the templates, and cosines survive.

    Args:
        target: false positive identification rate to keep, between 0 and 1.
        impostors: unprotected embeddings of people who are not enrolled, made with the operator's recogniser. None:
            the subjects are compared among each other.

    Raises:
        CalibrationImpossible: too few subjects or impostors, or impostors of another recogniser.
    """
    space = read(operator_id).active
    contract = space.pipeline.contract().id
    enrolled = _enrolled(operator_id, space, contract, at)
    try:
        if impostors is not None:
            impostors.require(contract)
            impostors = Templates(contract, space.protection.apply(impostors.vectors), impostors.subjects)
        made = fit(enrolled, impostors, Request(target), at=at)
    except FaceError as error:
        raise CalibrationImpossible(str(error)) from error
    CalibrationRow.objects.update_or_create(
        operator_id=operator_id, contract=contract, defaults={"content": made.fields()}
    )
    bump(operator_id=operator_id, topic=Topic.GALLERY)
    record(
        operator_id=operator_id, actor=actor, action="recognition.calibrated", target=contract,
        detail={"target": target, "threshold": made.threshold, "gallery_size": made.gallery_size},
    )  # fmt: skip
    return made


def _enrolled(operator_id: UUID, space: Space, contract: str, at: datetime) -> Templates:
    """Return the protected templates of everybody with a live consent."""
    terms: Mapping[UUID, Term] = selectors.terms(operator_id=operator_id, contract=space.id)
    live = [template_id for template_id, term in terms.items() if term.expires_at > at]
    vectors = selectors.vectors(operator_id=operator_id, template_ids=live)
    if not vectors:
        raise CalibrationImpossible("Nobody is enrolled. Until somebody is, the default threshold holds.")
    subjects = np.array([str(terms[template_id].subject_id) for template_id in vectors])
    return Templates(contract, np.stack(list(vectors.values())), subjects)
