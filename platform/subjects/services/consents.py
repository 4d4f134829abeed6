"""Give, withdraw and expire consents: each change is a ledger entry and the new state, in one transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from audit.services import record
from core.epochs import Topic, bump
from subjects import selectors
from subjects.errors import ConsentTermInvalid, NoPurpose, NoticeOutdated, PurposeNotExplained
from subjects.models import Action, Consent, ConsentEntry, Notice, Profile, Subject
from subjects.purposes import Purpose


@transaction.atomic
def give_consent(
    *,
    operator_id: UUID,
    subject_id: UUID,
    purposes: Collection[str],
    notice: Notice,
    channel: str,
    actor: str,
    method: str,
    at: datetime,
    venue_id: UUID | None = None,
    expires_at: datetime | None = None,
) -> list[Consent]:
    """Record that a subject consented to each of ``purposes``; an earlier consent to one is replaced.

    Args:
        venue_id: the one venue the consents are limited to; None for all of the operator's.
        expires_at: when they end; None for the longest term, ``settings.CONSENT_TERM``.

    Raises:
        UnknownSubject: this operator has no such subject.
        NoPurpose: ``purposes`` is empty or names an unknown one.
        PurposeNotExplained: the notice says nothing about one of them.
        NoticeOutdated: a newer version is in force.
        ConsentTermInvalid: ``expires_at`` is not within the longest term.
    """
    wanted = _known(purposes)
    _require_informed(operator_id, notice, wanted)
    until = _term(at, expires_at)
    subject = selectors.get(operator_id=operator_id, subject_id=subject_id)
    consents = [
        Consent(
            operator_id=operator_id, subject=subject, purpose=purpose, state=Action.GIVEN, given_at=at,
            expires_at=until, ended_at=None, venue_id=venue_id,
        )
        for purpose in wanted
    ]  # fmt: skip
    Consent.objects.bulk_create(
        consents, update_conflicts=True, unique_fields=["subject", "purpose"],
        update_fields=["state", "given_at", "expires_at", "ended_at", "venue_id"],
    )  # fmt: skip
    ConsentEntry.objects.bulk_create(
        ConsentEntry(
            operator_id=operator_id, reference=subject.reference, purpose=purpose, action=Action.GIVEN, notice=notice,
            method=method, channel=channel, actor=actor, venue_id=venue_id, expires_at=until, at=at,
        )
        for purpose in wanted
    )  # fmt: skip
    detail = {"purposes": [str(purpose) for purpose in wanted], "notice": notice.public_id, "channel": channel}
    record(operator_id=operator_id, actor=actor, action="consent.given", target=subject.public_id, detail=detail)
    bump(operator_id=operator_id, topic=Topic.CONSENT)
    return consents


def withdraw_consent(
    *, operator_id: UUID, subject_id: UUID, purpose: str, channel: str, actor: str, at: datetime
) -> bool:
    """End one consent at once; return whether there was a live one.

    Raises:
        UnknownSubject: this operator has no such subject.
        NoPurpose: the purpose is unknown.
    """
    ended = _withdraw(operator_id, subject_id, _known([purpose]), channel, actor, at)
    return bool(ended)


def withdraw_all(*, operator_id: UUID, subject_id: UUID, channel: str, actor: str, at: datetime) -> list[Purpose]:
    """End every live consent of a subject at once; return the purposes that ended.

    Raises:
        UnknownSubject: this operator has no such subject.
    """
    return _withdraw(operator_id, subject_id, list(Purpose), channel, actor, at)


@transaction.atomic
def expire_consents(*, operator_id: UUID, at: datetime) -> int:
    """Write the end of every consent whose term is over into the ledger; return how many there were.

    They stopped counting at the end of their term by themselves; this makes the end visible and lets what depended on
    them be deleted.
    """
    over = Consent.objects.select_for_update().filter(operator_id=operator_id, state=Action.GIVEN, expires_at__lte=at)
    ended = _end(list(over.select_related("subject")), Action.EXPIRED, "system", "privacy.sweep", at)
    return len(ended)


@transaction.atomic
def _withdraw(
    operator_id: UUID, subject_id: UUID, purposes: Sequence[Purpose], channel: str, actor: str, at: datetime
) -> list[Purpose]:
    subject = selectors.get(operator_id=operator_id, subject_id=subject_id)
    live = Consent.objects.select_for_update().filter(
        operator_id=operator_id, subject=subject, purpose__in=purposes, state=Action.GIVEN
    )  # fmt: skip
    consents = list(live.select_related("subject").order_by("purpose"))
    ended = _end(consents, Action.WITHDRAWN, channel, actor, at)
    if ended:
        detail = {"purposes": [str(purpose) for purpose in ended], "channel": channel}
        record(
            operator_id=operator_id, actor=actor, action="consent.withdrawn", target=subject.public_id, detail=detail
        )
    return ended


def _end(consents: Sequence[Consent], action: Action, channel: str, actor: str, at: datetime) -> list[Purpose]:
    """End live consents of one operator and drop what was kept for them."""
    if not consents:
        return []
    operator_id = consents[0].operator_id
    ids = [consent.id for consent in consents]
    Consent.objects.filter(operator_id=operator_id, id__in=ids).update(state=action, ended_at=at)
    ConsentEntry.objects.bulk_create(
        ConsentEntry(
            operator_id=operator_id, reference=consent.subject.reference, purpose=consent.purpose, action=action,
            method=action, channel=channel, actor=actor, venue_id=consent.venue_id, at=at,
        )
        for consent in consents
    )  # fmt: skip
    impersonal = [consent.subject_id for consent in consents if consent.purpose == Purpose.PERSONALISE]
    Profile.objects.filter(operator_id=operator_id, subject_id__in=impersonal).delete()
    Subject.objects.filter(operator_id=operator_id, id__in=impersonal).update(loyalty_digest=None)
    bump(operator_id=operator_id, topic=Topic.CONSENT)
    return [Purpose(consent.purpose) for consent in consents]


def _known(purposes: Collection[str]) -> list[Purpose]:
    """Return the purposes in a fixed order, each once."""
    unknown = sorted(set(purposes) - set(Purpose.values))
    if unknown or not purposes:
        named = f"{', '.join(unknown)!r} is none" if unknown else "none was named"
        raise NoPurpose(f"Name at least one of {', '.join(Purpose.values)}; {named}.")
    return [purpose for purpose in Purpose if purpose in purposes]


def _require_informed(operator_id: UUID, notice: Notice, purposes: Sequence[Purpose]) -> None:
    unexplained = [purpose for purpose in purposes if purpose not in notice.purposes]
    if unexplained:
        raise PurposeNotExplained(f"{notice} does not explain {', '.join(unexplained)}.")
    if selectors.newest_version(operator_id=operator_id, language=notice.language) > notice.version:
        raise NoticeOutdated(f"Version {notice.version} is no longer in force; show the current notice and ask again.")


def _term(at: datetime, expires_at: datetime | None) -> datetime:
    longest = at + settings.CONSENT_TERM
    if expires_at is None:
        return longest
    if not at < expires_at <= longest:
        raise ConsentTermInvalid(f"A consent given now must end after now and by {longest:%Y-%m-%d}.")
    return expires_at
