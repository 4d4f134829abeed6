"""What the log says about the present: how often people were shown a campaign today, and what is on its way."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from core.questions import Question, Row
from core.statements import Statement

_USED = Statement(
    "decisions_used",
    ("uuid", "uuid[]", "timestamptz", "timestamptz"),
    """
SELECT viewer.subject_id, choice.campaign_id, count(*) AS times, 0::bigint AS micros
FROM decisions_decisionviewer viewer JOIN decisions_choice choice ON choice.decision_id = viewer.decision_id
WHERE viewer.operator_id = $1 AND viewer.subject_id = ANY($2)
  AND viewer.at >= $3 AND choice.campaign_id IS NOT NULL
GROUP BY 1, 2
UNION ALL
SELECT NULL::uuid, choice.campaign_id, 0::bigint, sum(choice.price_micros)::bigint
FROM decisions_decision decision JOIN decisions_choice choice ON choice.decision_id = decision.id
WHERE decision.operator_id = $1 AND decision.lease_until > $4 AND choice.campaign_id IS NOT NULL
GROUP BY 2
""",
)


@dataclass(frozen=True, slots=True)
class Used:
    """What campaigns have used up beyond their booked plays.

    Attributes:
        committed: micros that campaigns will owe if every open lease is played out.
        times: (subject, campaign, how often today the campaign was chosen for them).
    """

    committed: dict[UUID, int] = field(default_factory=dict)
    times: tuple[tuple[UUID, UUID, int], ...] = ()

    def shown(self, subject_ids: Collection[UUID]) -> dict[UUID, int]:
        """Return how often today the one of these people who was shown a campaign most was shown it."""
        most: dict[UUID, int] = {}
        for subject_id, campaign_id, times in self.times:
            if subject_id in subject_ids:
                most[campaign_id] = max(times, most.get(campaign_id, 0))
        return most


def of_use(*, operator_id: UUID, subject_ids: Collection[UUID], day_start: datetime, at: datetime) -> Question[Used]:
    """Return the question what the log says about caps and open leases.

    A cap counts choices, played or not, so that it holds before the plays are reported. An open lease counts against
    the budget until it ends, so a budget is overspent at most by the choices of decisions made in the same moment and
    by plays reported after the end of their lease.
    """
    return Question(_USED, [operator_id, list(subject_ids), day_start, at], _used)


def _used(rows: Sequence[Row]) -> Used:
    times = [(UUID(subject_id), UUID(campaign_id), times) for subject_id, campaign_id, times, _ in rows if subject_id]
    committed = {UUID(campaign_id): micros for subject_id, campaign_id, _, micros in rows if not subject_id}
    return Used(committed, tuple(times))
