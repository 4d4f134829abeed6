"""Register subjects and hand out what they carry."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction

from audit.services import record
from subjects import pseudonyms, selectors, tokens
from subjects.models import Notice, Origin, Receipt, Subject
from subjects.purposes import Purpose
from subjects.services.consents import give_consent


@dataclass(frozen=True, slots=True)
class Registration:
    """A new subject and the two tokens they take away; neither can be read again.

    Attributes:
        receipt_token: lets its holder see and withdraw the consents.
        loyalty_token: names the subject without a camera; None without a ``personalise`` consent.
    """

    subject: Subject
    receipt_token: str = field(repr=False)
    loyalty_token: str | None = field(repr=False)


@transaction.atomic
def register(
    *,
    operator_id: UUID,
    origin: str,
    notice: Notice,
    purposes: Collection[str],
    channel: str,
    actor: str,
    method: str,
    at: datetime,
    venue_id: UUID | None = None,
    expires_at: datetime | None = None,
) -> Registration:
    """Make somebody known by a pseudonym, with the consents they gave.

    Args:
        venue_id: the one venue the consents are limited to; None for all of the operator's.
        expires_at: when the consents end; None for the longest term.

    Raises:
        NoPurpose, PurposeNotExplained, NoticeOutdated, ConsentTermInvalid: as ``give_consent``.
    """
    subject = _create(operator_id, Origin(origin))
    give_consent(
        operator_id=operator_id, subject_id=subject.id, purposes=purposes, notice=notice, channel=channel, actor=actor,
        method=method, at=at, venue_id=venue_id, expires_at=expires_at,
    )  # fmt: skip
    record(operator_id=operator_id, actor=actor, action="subject.registered", target=subject.public_id)
    receipt_token = _receipt(subject)
    loyalty_token = _loyalty(subject) if Purpose.PERSONALISE in purposes else None
    return Registration(subject, receipt_token, loyalty_token)


@transaction.atomic
def issue_receipt(*, operator_id: UUID, subject_id: UUID, actor: str) -> str:
    """Return one more receipt token, for somebody who lost theirs.

    Raises:
        UnknownSubject: this operator has no such subject.
    """
    subject = selectors.get(operator_id=operator_id, subject_id=subject_id)
    record(operator_id=operator_id, actor=actor, action="receipt.issued", target=subject.public_id)
    return _receipt(subject)


@transaction.atomic
def issue_loyalty(*, operator_id: UUID, subject_id: UUID, actor: str) -> str:
    """Replace the subject's loyalty token and return the new one.

    Raises:
        UnknownSubject: this operator has no such subject.
    """
    subject = selectors.get(operator_id=operator_id, subject_id=subject_id)
    record(operator_id=operator_id, actor=actor, action="loyalty.issued", target=subject.public_id)
    return _loyalty(subject)


def _create(operator_id: UUID, origin: Origin) -> Subject:
    while True:
        subject, created = Subject.objects.get_or_create(
            operator_id=operator_id, pseudonym=pseudonyms.draw(), defaults={"origin": origin}
        )  # fmt: skip
        if created:
            return subject


def _receipt(subject: Subject) -> str:
    token = tokens.new_receipt()
    Receipt.objects.create(operator_id=subject.operator_id, subject=subject, digest=tokens.digest_of(token))
    return token


def _loyalty(subject: Subject) -> str:
    token = tokens.new_loyalty()
    subject.loyalty_digest = tokens.digest_of(token)
    subject.save(update_fields=["loyalty_digest"])
    return token
