"""Whether one event fits what is known: pure, so that the rules can be read and tested without a database."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from decisions.selectors import Shown
from events.clock import FUTURE
from events.items import EngagementItem, Item, PlayItem
from events.results import Code, ItemResult, Refused, Status

EARLY = timedelta(seconds=60)
"""A play may start this much before its decision and an engagement before its play: clocks drift within a batch."""

Choice = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database says about a batch, read once.

    Attributes:
        digests: of the events that were accepted before, by event id.
        shown: the choices of this screen that the batch names.
        played: choices that were played before.
        content: creatives an offline bundle may hold.
        issued: tells whether an offline bundle was issued to this screen, and when it ends.
    """

    digests: Mapping[UUID, bytes]
    shown: Mapping[Choice, Shown]
    played: Collection[Choice]
    content: Collection[UUID]
    issued: Callable[[str], datetime | None]


@dataclass(frozen=True, slots=True)
class AcceptedPlay:
    """A play to store; what it plays and whom it bills is settled."""

    item: PlayItem
    creative_id: UUID
    campaign_id: UUID | None
    repeat: bool
    billed_micros: int


@dataclass(slots=True)
class Verdict:
    """What becomes of a batch: one result per event, and what is to be stored."""

    results: list[ItemResult] = field(default_factory=list)
    plays: list[AcceptedPlay] = field(default_factory=list)
    engagements: list[EngagementItem] = field(default_factory=list)


def judge(parsed: Sequence[tuple[str | None, Item | Refused]], facts: Facts) -> Verdict:
    """Settle every event of a batch, in its order.

    Args:
        parsed: for each event its id as the player wrote it, and the event or why it could not be read.
    """
    verdict = Verdict()
    digests, played = dict(facts.digests), set(facts.played)
    for written, item in parsed:
        try:
            if isinstance(item, Refused):
                raise item
            verdict.results.append(_settle(written, item, facts, digests, played, verdict))
        except Refused as refusal:
            verdict.results.append(ItemResult(written, Status.REJECTED, refusal.code, refusal.detail))
    return verdict


def _settle(
    written: str | None,
    item: Item,
    facts: Facts,
    digests: dict[UUID, bytes],
    played: set[Choice],
    verdict: Verdict,
) -> ItemResult:
    before = digests.get(item.event_id)
    if before is not None:
        if before != item.digest:
            raise Refused(
                Code.EVENT_ID_CONFLICT, "This event id was used for something else. Every event needs its own."
            )
        return ItemResult(written, Status.DUPLICATE)
    if isinstance(item, EngagementItem):
        _check_time(item.at, _shown(item.decision_id, item.position, facts))
        verdict.engagements.append(item)
        result = ItemResult(written, Status.ACCEPTED)
    else:
        play, result = _settle_play(written, item, facts, played)
        verdict.plays.append(play)
    digests[item.event_id] = item.digest
    return result


def _settle_play(
    written: str | None, item: PlayItem, facts: Facts, played: set[Choice]
) -> tuple[AcceptedPlay, ItemResult]:
    if item.decision_id is None or item.position is None:
        return _house_play(item, facts), ItemResult(written, Status.ACCEPTED)
    shown = _shown(item.decision_id, item.position, facts)
    _check_time(item.started_at, shown)
    if item.creative_id not in (None, shown.creative_id):
        raise Refused(Code.UNKNOWN_CREATIVE, "The decision chose another creative for this position.")
    choice = (item.decision_id, item.position)
    repeat, late = choice in played, item.started_at > shown.lease_until + FUTURE
    played.add(choice)
    billed = 0 if repeat or late else shown.price_micros
    play = AcceptedPlay(item, shown.creative_id, shown.campaign_id, repeat, billed)
    if repeat:
        return play, ItemResult(
            written, Status.ACCEPTED, Code.REPEAT, "Recorded; the first play of a choice is billed."
        )
    if late:
        return play, ItemResult(
            written, Status.ACCEPTED, Code.AFTER_LEASE, "Recorded, not billed: the lease had ended."
        )
    return play, ItemResult(written, Status.ACCEPTED)


def _house_play(item: PlayItem, facts: Facts) -> AcceptedPlay:
    until = facts.issued(item.bundle)
    if until is None:
        raise Refused(Code.UNKNOWN_BUNDLE, "This screen was given no such offline bundle.")
    if item.creative_id not in facts.content:
        raise Refused(Code.UNKNOWN_CREATIVE, "No such content for this operator.")
    assert item.creative_id is not None
    return AcceptedPlay(item, item.creative_id, None, repeat=False, billed_micros=0)


def _shown(decision_id: UUID, position: int, facts: Facts) -> Shown:
    shown = facts.shown.get((decision_id, position))
    if shown is None:
        raise Refused(Code.UNKNOWN_DECISION, "This screen was given no such decision and position.")
    return shown


def _check_time(at: datetime, shown: Shown) -> None:
    if at < shown.at - EARLY:
        raise Refused(
            Code.IMPOSSIBLE_TIME, "This is before the decision. Send sent_at, so that a wrong clock is repaired."
        )
