"""Give a person everything that is kept of them."""

from typing import Any
from uuid import UUID

import decisions.selectors
import identities.selectors
import subjects.selectors
from core.times import utc


def export(*, operator_id: UUID, subject_id: UUID) -> dict[str, Any]:
    """Return everything kept of a subject, in a form machines can read (GDPR articles 15 and 20).

    The template's vector is left out: outside this installation it means nothing, and inside it would be a key.

    Raises:
        UnknownSubject: this operator has no such subject.
    """
    person = {"operator_id": operator_id, "subject_id": subject_id}
    subject = subjects.selectors.get(**person)
    return {
        "subject": subject.public_id,
        "pseudonym": subject.pseudonym,
        "registered_at": utc(subject.created_at),
        "origin": subject.origin,
        "consents": [
            {
                "purpose": entry.purpose, "action": entry.action, "at": utc(entry.at), "channel": entry.channel,
                "method": entry.method, "expires_at": utc(entry.expires_at) if entry.expires_at else None,
                "notice": {"title": entry.notice.title, "version": entry.notice.version} if entry.notice else None,
            }
            for entry in subjects.selectors.ledger_of(**person)
        ],
        "remembered": [
            {"creative": creative, "category": category, "at_ms": at_ms}
            for creative, category, at_ms in subjects.selectors.history_of(**person)
        ],
        "templates": [
            {
                "template": template.public_id, "made_at": utc(template.created_at), "occasion": template.occasion,
                "quality": template.quality,
            }
            for template in identities.selectors.templates_of(**person)
        ],
        "decisions": [
            {
                "decision": decision.public_id, "at": utc(decision.at), "basis": decision.basis,
                "purposes": decision.purposes,
            }
            for decision in decisions.selectors.decisions_for(**person)
        ],
    }  # fmt: skip
