"""Read subjects, notices and consents."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Q, QuerySet

from core.ids import public_id
from core.questions import Question, Row, ask
from core.statements import Statement
from core.tenancy import platform_scope
from recsys.features import Behaviour
from subjects.errors import UnknownNotice, UnknownReceipt, UnknownSubject
from subjects.models import Action, Consent, ConsentEntry, Notice, Profile, Receipt, Subject
from subjects.purposes import Purpose
from subjects.tokens import digest_of


@dataclass(frozen=True, slots=True)
class Person:
    """A subject as decisions see them.

    Attributes:
        purposes: what they consent to at this venue and time.
        history: what they engaged with, newest first; empty unless they consent to ``personalise``.
    """

    id: UUID
    pseudonym: str
    purposes: frozenset[str]
    history: tuple[Behaviour, ...]


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose receipt a token is."""

    operator_id: UUID
    subject_id: UUID
    actor: str


_PEOPLE = Statement(
    "subjects_people",
    ("uuid", "uuid[]", "uuid", "timestamptz"),
    """
SELECT subject.id, subject.pseudonym, array_agg(consent.purpose) AS purposes,
    CASE WHEN bool_or(consent.purpose = 'personalise') THEN
        (SELECT recent FROM subjects_profile profile
         WHERE profile.subject_id = subject.id AND profile.operator_id = $1)
    END AS recent
FROM subjects_subject subject
JOIN subjects_consent consent ON consent.subject_id = subject.id AND consent.operator_id = subject.operator_id
WHERE subject.operator_id = $1 AND subject.id = ANY($2)
    AND consent.state = 'given' AND consent.expires_at > $4
    AND (consent.venue_id IS NULL OR consent.venue_id = $3)
GROUP BY subject.id
""",
)


def people(
    *, operator_id: UUID, subject_ids: Collection[UUID], venue_id: UUID | None, at: datetime
) -> dict[UUID, Person]:
    """Return those of ``subject_ids`` who consent to anything at this venue now (one query, however many).

    A history leaves the database only with a live ``personalise`` consent.
    """
    if not subject_ids:
        return {}
    [found] = ask(of_people(operator_id=operator_id, subject_ids=subject_ids, venue_id=venue_id, at=at))
    return found


def of_people(
    *, operator_id: UUID, subject_ids: Collection[UUID], venue_id: UUID | None, at: datetime
) -> Question[dict[UUID, Person]]:
    """Return the question that `people` asks, to be asked along with others."""
    return Question(_PEOPLE, [operator_id, list(subject_ids), venue_id, at], _persons)


def live_purposes(
    *, operator_id: UUID, subject_ids: Collection[UUID], venue_id: UUID | None, at: datetime
) -> dict[UUID, frozenset[str]]:
    """Return what each subject consents to at this venue now (one query); those who consent to nothing are missing."""
    live = _live(operator_id, at).filter(Q(venue_id=None) | Q(venue_id=venue_id), subject_id__in=subject_ids)
    collected: dict[UUID, set[str]] = {}
    for subject_id, purpose in live.values_list("subject_id", "purpose"):
        collected.setdefault(subject_id, set()).add(purpose)
    return {subject_id: frozenset(purposes) for subject_id, purposes in collected.items()}


def get(*, operator_id: UUID, subject_id: UUID) -> Subject:
    """Return a subject.

    Raises:
        UnknownSubject: this operator has no such subject.
    """
    subject = Subject.objects.filter(operator_id=operator_id, id=subject_id).first()
    if subject is None:
        raise UnknownSubject(f"There is no subject {public_id(Subject.PREFIX, subject_id)}.")
    return subject


def found(*, operator_id: UUID, search: str = "") -> QuerySet[Subject]:
    """Return the subjects whose pseudonym contains ``search``, with their ``consents`` prefetched."""
    rows = Subject.objects.filter(operator_id=operator_id).prefetch_related("consents")
    return rows.filter(pseudonym__icontains=search) if search else rows


def listing(*, operator_id: UUID, limit: int = 50, search: str = "") -> list[Subject]:
    """Return subjects, newest first, each with its ``consents`` prefetched (two queries)."""
    return list(found(operator_id=operator_id, search=search).order_by("-id")[:limit])


def consents_of(*, operator_id: UUID, subject_id: UUID) -> list[Consent]:
    """Return the present state of each consent a subject ever gave."""
    return list(Consent.objects.filter(operator_id=operator_id, subject_id=subject_id).order_by("purpose"))


def ledger_of(*, operator_id: UUID, subject_id: UUID) -> list[ConsentEntry]:
    """Return everything that happened to a subject's consents, oldest first.

    Raises:
        UnknownSubject: this operator has no such subject.
    """
    reference = get(operator_id=operator_id, subject_id=subject_id).reference
    entries = ConsentEntry.objects.filter(operator_id=operator_id, reference=reference)
    return list(entries.select_related("notice").order_by("at", "id"))


def history_of(*, operator_id: UUID, subject_id: UUID) -> list[list[Any]]:
    """Return what is remembered of a subject's engagements: ``[creative, category, milliseconds since 1970]``."""
    profile = Profile.objects.filter(operator_id=operator_id, subject_id=subject_id).first()
    return list(profile.recent) if profile else []


def subject_of_loyalty(*, operator_id: UUID, token: str) -> UUID | None:
    """Return whom a loyalty token names at this operator; None when nobody."""
    named = Subject.objects.filter(operator_id=operator_id, loyalty_digest=digest_of(token))
    return named.values_list("id", flat=True).first()


def receipt_holder(token: str) -> Holder:
    """Return whose receipt this is; the token itself is the credential, so no operator is known before.

    The caller then enters the scope of ``Holder.operator_id``.

    Raises:
        UnknownReceipt: nobody's, or not any more.
    """
    with platform_scope():
        receipt = Receipt.objects.filter(digest=digest_of(token)).first()
    if receipt is None:
        raise UnknownReceipt("This receipt is unknown. After an erasure nothing is left that it could show.")
    return Holder(receipt.operator_id, receipt.subject_id, f"receipt:{receipt.public_id}")


def learners(*, operator_id: UUID, at: datetime) -> set[UUID]:
    """Return everybody whose data models may learn from now."""
    return set(_live(operator_id, at).filter(purpose=Purpose.LEARN).values_list("subject_id", flat=True))


def consent_counts(*, operator_id: UUID, at: datetime) -> dict[str, int]:
    """Return how many subjects consent to each purpose now."""
    counted = _live(operator_id, at).values("purpose").annotate(subjects=Count("id")).order_by()
    return dict.fromkeys(Purpose.values, 0) | {row["purpose"]: row["subjects"] for row in counted}


def consent_snapshot(*, operator_id: UUID, at: datetime) -> dict[str, Any]:
    """Return ``{"at", "counts", "digest"}``: what a training was allowed to use, without naming anybody.

    The digest is SHA-256 over every live (subject, purpose), sorted, so two snapshots of the same consents agree.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT encode(sha256(convert_to(coalesce(string_agg(subject_id::text || ' ' || purpose, chr(10)"
            " ORDER BY subject_id, purpose), ''), 'UTF8')), 'hex') FROM subjects_consent"
            " WHERE operator_id = %s AND state = 'given' AND expires_at > %s",
            [operator_id, at],
        )
        digest = cursor.fetchone()[0]
    return {"at": at.isoformat(), "counts": consent_counts(operator_id=operator_id, at=at), "digest": digest}


def ids(*, operator_id: UUID) -> Iterator[UUID]:
    """Go through the ids of all subjects of an operator."""
    yield from Subject.objects.filter(operator_id=operator_id).values_list("id", flat=True).iterator()


def count(*, operator_id: UUID) -> int:
    """Return how many subjects an operator has."""
    return Subject.objects.filter(operator_id=operator_id).count()


def get_notice(*, operator_id: UUID, notice_id: UUID) -> Notice:
    """Return a notice.

    Raises:
        UnknownNotice: this operator has published no such notice.
    """
    notice = Notice.objects.filter(operator_id=operator_id, id=notice_id).first()
    if notice is None:
        raise UnknownNotice(f"There is no notice {public_id(Notice.PREFIX, notice_id)}.")
    return notice


def current_notice(*, operator_id: UUID, language: str = "en") -> Notice:
    """Return the newest notice in this language, else in English, else in any.

    Raises:
        UnknownNotice: the operator has published none.
    """
    published = Notice.objects.filter(operator_id=operator_id).order_by("-version", "language")
    for choice in (published.filter(language=language), published.filter(language="en"), published):
        notice = choice.first()
        if notice is not None:
            return notice
    raise UnknownNotice("No notice is published yet, so nobody can consent. Publish one first.")


def newest_version(*, operator_id: UUID, language: str) -> int:
    """Return the newest version of the notice in this language; 0 when there is none."""
    newest: int | None = Notice.objects.filter(operator_id=operator_id, language=language).aggregate(
        newest=Max("version")
    )["newest"]
    return newest or 0


def _live(operator_id: UUID, at: datetime) -> QuerySet[Consent]:
    return Consent.objects.filter(operator_id=operator_id, state=Action.GIVEN, expires_at__gt=at)


def _persons(rows: Sequence[Row]) -> dict[UUID, Person]:
    return {person.id: person for person in map(_person, rows)}


def _person(row: Row) -> Person:
    subject_id, pseudonym, purposes, recent = row
    history = tuple([Behaviour(one[0], one[1]) for one in recent or ()])  # fifty at each decision: no generator
    return Person(UUID(subject_id), pseudonym, frozenset(purposes), history)
