"""What the log says about the present: how often people were shown a campaign today, and what is on its way."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.statements import Statement

_USED = Statement(
    "decisions_used",
    ("uuid", "uuid[]", "timestamptz", "timestamptz"),
    """
SELECT campaign_id, max(times)::bigint, 0::bigint FROM (
    SELECT choice.campaign_id, viewer.subject_id, count(*) AS times
    FROM decisions_decisionviewer viewer JOIN decisions_choice choice ON choice.decision_id = viewer.decision_id
    WHERE viewer.operator_id = $1 AND viewer.subject_id = ANY($2)
      AND viewer.at >= $3 AND choice.campaign_id IS NOT NULL
    GROUP BY 1, 2
) AS per_subject GROUP BY 1
UNION ALL
SELECT choice.campaign_id, 0::bigint, sum(choice.price_micros)::bigint
FROM decisions_decision decision JOIN decisions_choice choice ON choice.decision_id = decision.id
WHERE decision.operator_id = $1 AND decision.lease_until > $4 AND choice.campaign_id IS NOT NULL
GROUP BY 1
""",
)


@dataclass(frozen=True, slots=True)
class Used:
    """What campaigns have used up beyond their booked plays.

    Attributes:
        shown: how often today the one of these people who was shown a campaign most was shown it.
        committed: micros that campaigns will owe if every open lease is played out.
    """

    shown: dict[UUID, int]
    committed: dict[UUID, int]


def used(*, operator_id: UUID, subject_ids: Collection[UUID], day_start: datetime, at: datetime) -> Used:
    """Return what the log says about caps and open leases, in one query.

    A cap counts choices, played or not, so that it holds before the plays are reported. An open lease counts against
    the budget until it ends, so a budget is overspent at most by the choices of decisions made in the same moment and
    by plays reported after the end of their lease.
    """
    shown: dict[UUID, int] = {}
    committed: dict[UUID, int] = {}
    for campaign_id, times, micros in _USED.rows([operator_id, list(subject_ids), day_start, at]):
        if times:
            shown[campaign_id] = times
        if micros:
            committed[campaign_id] = micros
    return Used(shown, committed)
