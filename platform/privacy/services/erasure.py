"""Erase a person. Read ``erase`` and you know what is erased."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import decisions.services
import events.services
import identities.selectors
import identities.services
import subjects.selectors
import subjects.services
import training.folders
import training.selectors
import training.services
from audit.services import record
from core.ids import new_id, public_id
from core.models import Reply
from core.tenancy import operator_scope
from core.times import utc
from privacy import certificates, journal
from privacy.digests import digest_of
from privacy.errors import ErasureIncomplete
from privacy.models import Certificate, Kind, RightsRequest, State
from privacy.search import KEPT, Found, Traces, everywhere, forms_of, replies_about

Counts = dict[str, dict[str, int]]


def erase(*, operator_id: UUID, subject_id: UUID, actor: str, at: datetime) -> Certificate:
    """Remove a person from every store and return the signed proof.

    One transaction: either everything is gone, the search afterwards found nothing and the certificate exists, or
    nothing in the database was changed. Files of trainings stay deleted either way. The journal outside the database
    remembers that the erasure was begun: one that failed, or that a restored backup undid, is repeated by the sweep.

    Raises:
        UnknownSubject: this operator has no such subject.
        ErasureIncomplete: the search found something.
    """
    with operator_scope(operator_id):
        traces = _traces(operator_id, subject_id)
        journal.write(operator_id, subject_id)
        person = {"operator_id": operator_id, "subject_id": subject_id}
        counts: Counts = {"identities": identities.services.forget(**person)}
        subjects.services.withdraw_all(**person, channel="erasure", actor=actor, at=at)
        counts |= {
            "events": events.services.forget(**person),
            "decisions": decisions.services.forget(**person),
            "training": training.services.forget(**person),
            "core": _forget_replies(traces),
            "privacy": _forget_requests(traces, at),
            "subjects": subjects.services.forget(**person),
        }
        for run_id in traces.runs:
            training.folders.discard(run_id)
        found = everywhere(traces)
        if found.hits:
            raise ErasureIncomplete(f"Still found: {found.hits}. Nothing was changed.")
        record(
            operator_id=operator_id, actor=actor, action="subject.erased", target=public_id("sub", subject_id),
            detail={"counts": counts},
        )  # fmt: skip
        return _certify(operator_id, digest_of(subject_id), counts, found, at)


def verify_certificate(certificate: Certificate) -> bool:
    """Return whether a certificate is what this installation signed, and speaks of its own row."""
    body: Mapping[str, Any] = certificate.body
    mine = body.get("certificate") == certificate.public_id and body.get("subject") == certificate.subject_digest
    return mine and certificates.holds(body, bytes(certificate.signature))


def _traces(operator_id: UUID, subject_id: UUID) -> Traces:
    subject = subjects.selectors.get(operator_id=operator_id, subject_id=subject_id)
    templates = identities.selectors.templates_of(operator_id=operator_id, subject_id=subject_id)
    datasets = training.selectors.datasets_with(operator_id=operator_id, subject_id=subject_id)
    return Traces(
        operator_id, subject_id, forms_of(subject_id, subject.pseudonym),
        frozenset(str(template.id) for template in templates), tuple(dataset.run_id for dataset in datasets),
    )  # fmt: skip


def _forget_replies(traces: Traces) -> dict[str, int]:
    ids = replies_about(traces.operator_id, traces.texts)
    return {"replies": Reply.objects.filter(operator_id=traces.operator_id, id__in=ids).delete()[0]}


def _forget_requests(traces: Traces, at: datetime) -> dict[str, int]:
    """Empty who asked and what they said; whatever they asked for besides the erasure has no object any more."""
    mine = RightsRequest.objects.filter(operator_id=traces.operator_id, subject_id=traces.subject_id)
    others = mine.exclude(kind=Kind.ERASURE).exclude(state=State.DONE)
    others.update(state=State.DONE, finished_at=at, reason="The subject was erased.")
    return {"rights_requests_emptied": mine.update(subject_id=None, note="")}


def _certify(operator_id: UUID, subject_digest: str, counts: Counts, found: Found, at: datetime) -> Certificate:
    certificate_id = new_id()
    body = {
        "certificate": public_id(Certificate.PREFIX, certificate_id),
        "operator": public_id("opr", operator_id),
        "subject": subject_digest,
        "erased_at": utc(at),
        "erased": counts,
        "searched": {"tables": found.tables, "also": ["stored replies", "gallery in memory", "datasets"], "hits": 0},
        "models_awaiting_retrain": counts["training"].get("models_awaiting_retrain", 0),
        "kept": {
            "subjects_consententry": "The consent ledger keeps its entries, which lead to nobody any more.",
            **KEPT,
        },
        "public_key": certificates.public_key().hex(),
    }
    certificate = Certificate.objects.create(
        id=certificate_id, operator_id=operator_id, subject_digest=subject_digest, body=body,
        signature=certificates.sign(body),
    )  # fmt: skip
    asked = RightsRequest.objects.filter(operator_id=operator_id, subject_digest=subject_digest, kind=Kind.ERASURE)
    asked.exclude(state=State.DONE).update(state=State.DONE, finished_at=at, reason="", certificate=certificate)
    return certificate
