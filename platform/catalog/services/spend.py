"""Book what plays cost."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from catalog.errors import UnknownCampaign
from core.ids import new_id

_UPSERT = """
INSERT INTO catalog_spend (id, created_at, operator_id, campaign_id, day, plays, micros)
SELECT booked.id, now(), campaign.operator_id, campaign.id, booked.day, booked.plays, booked.micros
FROM unnest(%s::uuid[], %s::uuid[], %s::date[], %s::int[], %s::bigint[]) AS booked (id, campaign_id, day, plays, micros)
JOIN catalog_campaign AS campaign ON campaign.id = booked.campaign_id AND campaign.operator_id = %s
ORDER BY campaign.id, booked.day
ON CONFLICT (campaign_id, day) DO UPDATE
SET plays = catalog_spend.plays + excluded.plays, micros = catalog_spend.micros + excluded.micros
"""


class Booking(NamedTuple):
    """Plays of one campaign on one UTC day, and what they cost in micros of its currency."""

    campaign_id: UUID
    day: date
    plays: int
    micros: int


@transaction.atomic
def book_plays(*, operator_id: UUID, bookings: Sequence[Booking | tuple[UUID, date, int, int]]) -> None:
    """Add plays to what their campaigns have spent: one statement for a batch, exact integers.

    Rows are locked in one order, so batches that overlap wait for each other and do not deadlock. Who calls sees to it
    that a play is booked once (an event's id is unique).

    Raises:
        UnknownCampaign: the operator does not have one of the campaigns; nothing is booked.
        ValueError: a number is negative.
    """
    sums: dict[tuple[UUID, date], list[int]] = defaultdict(lambda: [0, 0])
    for campaign_id, day, plays, micros in bookings:
        if plays < 0 or micros < 0:
            raise ValueError("Plays and micros are never negative.")
        sums[campaign_id, day][0] += plays
        sums[campaign_id, day][1] += micros
    if not sums:
        return
    columns = (
        [new_id() for _ in sums], [campaign_id for campaign_id, _ in sums], [day for _, day in sums],
        [plays for plays, _ in sums.values()], [micros for _, micros in sums.values()],
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [*columns, operator_id])
        if cursor.rowcount != len(sums):
            raise UnknownCampaign("Plays were booked for a campaign you do not have.")
