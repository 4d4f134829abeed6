"""Take in a batch of events: each counted once, and acknowledged only with the commit that keeps it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

import catalog.services
import catalog.serving
import core.epochs
import decisions.bundle
import decisions.selectors
import signage.services
import subjects.services
from catalog.services import Booking
from catalog.serving import Snapshot
from core.ids import public_id
from core.times import utc
from decisions.selectors import Shown
from events import ledger
from events.clock import Clock
from events.engagement import is_positive
from events.errors import MAXIMUM_EVENTS, BatchTooLarge
from events.items import EngagementItem, Item, parse
from events.judgement import AcceptedPlay, Choice, Facts, Verdict, judge
from events.results import Code, ItemResult, Refused, Status

RECENT = timedelta(minutes=10)

Parsed = tuple[str | None, Item | Refused]


@transaction.atomic
def ingest(
    *,
    operator_id: UUID,
    screen_id: UUID,
    batch: Sequence[object],
    sent_at: datetime | None,
    received_at: datetime,
    player_id: UUID | None = None,
) -> list[ItemResult]:
    """Store what a player reports; return what became of each event, in the batch's order.

    The number of queries does not depend on the batch. A result says accepted or duplicate only when the event is
    stored by the time the transaction commits; an answer must not leave before that. A choice is billed by its first
    play within its lease, whatever comes later.

    Args:
        batch: decoded JSON; an event of the wrong shape is rejected by itself.
        sent_at: the player's clock when it sent; repairs the events' times. None trusts them.
        player_id: who reports; what it played last is noted as playing now.

    Raises:
        BatchTooLarge: more than 500 events.
    """
    if len(batch) > MAXIMUM_EVENTS:
        raise BatchTooLarge(len(batch))
    clock = Clock.of(sent_at=sent_at, received_at=received_at)
    parsed = [_parsed(raw, screen_id, clock) for raw in batch]
    items = [item for _, item in parsed if not isinstance(item, Refused)]
    if not items:
        return judge(parsed, Facts({}, {}, (), (), lambda _: None)).results
    ledger.lock(screen_id)
    catalogue = catalog.serving.snapshot(operator_id, core.epochs.versions(operator_id=operator_id))
    facts = _facts(operator_id, screen_id, items, catalogue)
    verdict = judge(parsed, facts)
    header = ledger.Header(received_at, operator_id, screen_id, received_at, clock.offset_ms)
    stored = ledger.write_plays(header, verdict.plays) | ledger.write_engagements(header, verdict.engagements)
    _bill(operator_id, [play for play in verdict.plays if play.item.event_id in stored])
    _remember(operator_id, [item for item in verdict.engagements if item.event_id in stored], facts.shown)
    if player_id is not None:
        _note(operator_id, player_id, verdict.plays, catalogue, received_at)
    return _answers(parsed, verdict, stored)


def _parsed(raw: object, screen_id: UUID, clock: Clock) -> Parsed:
    written = raw.get("event_id") if isinstance(raw, dict) else None
    name = written[:60] if isinstance(written, str) else None
    try:
        return name, parse(raw, screen_id=screen_id, clock=clock)
    except Refused as refusal:
        return name, refusal


def _facts(operator_id: UUID, screen_id: UUID, items: Sequence[Item], catalogue: Snapshot) -> Facts:
    decision_ids = {item.decision_id for item in items if item.decision_id is not None}
    digests, played = ledger.known(
        operator_id=operator_id, event_ids={item.event_id for item in items}, decision_ids=decision_ids
    )
    shown = decisions.selectors.shown(operator_id=operator_id, decision_ids=decision_ids, screen_id=screen_id)
    content = frozenset(offer.id for offer in catalogue.offers if not offer.paid)
    issued = partial(_issued, operator_id, screen_id)
    return Facts(digests, shown, played, content, issued)


def _issued(operator_id: UUID, screen_id: UUID, bundle: str) -> datetime | None:
    return decisions.bundle.issued_until(operator_id=operator_id, screen_id=screen_id, bundle=bundle)


def _bill(operator_id: UUID, plays: Iterable[AcceptedPlay]) -> None:
    """Book what the campaigns owe, by the UTC day of the play."""
    bookings = [
        Booking(play.campaign_id, play.item.started_at.astimezone(UTC).date(), 1, play.billed_micros)
        for play in plays
        if play.campaign_id is not None and play.billed_micros
    ]
    catalog.services.book_plays(operator_id=operator_id, bookings=bookings)


def _remember(operator_id: UUID, engagements: Sequence[EngagementItem], shown: Mapping[Choice, Shown]) -> None:
    """Add the first engagement with each choice to the histories of those it was chosen for.

    Whether they still agree is decided where histories are kept.
    """
    positive = [item for item in engagements if is_positive(item.kind, item.value)]
    if not positive:
        return
    decision_ids = {item.decision_id for item in positive}
    first = ledger.first_engagements(
        operator_id=operator_id, decision_ids=decision_ids, event_ids=[item.event_id for item in positive]
    )
    beheld = decisions.selectors.viewers_of(operator_id=operator_id, decision_ids=decision_ids)
    entries = [
        (viewer.subject_id, public_id("crv", shown[choice].creative_id), shown[choice].category, at)
        for choice, at in first.items()
        for viewer in beheld.get(choice[0], ())
    ]
    subjects.services.remember(operator_id=operator_id, entries=entries)


def _note(operator_id: UUID, player_id: UUID, plays: Sequence[AcceptedPlay], catalogue: Snapshot, at: datetime) -> None:
    """Tell the console what the player plays now, unless its report is an old one."""
    newest = max(plays, key=lambda play: play.item.started_at, default=None)
    if newest is None or newest.item.started_at < at - RECENT:
        signage.services.touch(operator_id=operator_id, player_id=player_id, at=at)
        return
    name = public_id("crv", newest.creative_id)
    place = catalogue.places.get(name)
    playing = {
        "creative": name,
        "title": catalogue.offers[place].title if place is not None else "",
        "started_at": utc(newest.item.started_at),
        "duration_ms": newest.item.duration_ms,
    }
    signage.services.touch(operator_id=operator_id, player_id=player_id, at=at, now_playing=playing)


def _answers(parsed: Sequence[Parsed], verdict: Verdict, stored: set[UUID]) -> list[ItemResult]:
    """Take back the word for events whose id another screen stored in the same moment."""
    return [
        ItemResult(written, Status.REJECTED, Code.EVENT_ID_CONFLICT, "This event id was used by another screen.")
        if result.status is Status.ACCEPTED and not isinstance(item, Refused) and item.event_id not in stored
        else result
        for (written, item), result in zip(parsed, verdict.results, strict=True)
    ]
