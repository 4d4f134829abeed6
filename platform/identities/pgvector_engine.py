"""The second search engine: exact cosine in PostgreSQL, joined with live consents, always up to date.

Slower than memory, but it holds nothing. An approximate index is left out on purpose: together with the consent filter
the planner would search it first and filter afterwards, and enrolled people would go unrecognised.
"""

from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from faceid.match import Match

# The probes are parsed before anything is compared: parsing one takes longer than comparing it, and inlined it would be
# done again for every template.
_NEAREST = """
WITH probe AS MATERIALIZED (
    SELECT vector::vector, number FROM unnest(%(probes)s::text[]) WITH ORDINALITY AS one (vector, number)
)
SELECT probe.number, near.id, near.subject_id, near.score
FROM probe
CROSS JOIN LATERAL (
    SELECT best.id, best.subject_id, best.score
    FROM (
        SELECT DISTINCT ON (template.subject_id)
            template.id, template.subject_id, -(template.embedding <#> probe.vector) AS score
        FROM identities_template template
        JOIN subjects_recognisable live
            ON live.subject_id = template.subject_id AND live.operator_id = template.operator_id
        WHERE template.operator_id = %(operator_id)s AND template.contract = %(contract)s
            AND live.expires_at > %(at)s AND (live.venue_id IS NULL OR live.venue_id::text = %(venue)s)
        ORDER BY template.subject_id, score DESC
    ) AS best
    WHERE best.score >= %(threshold)s
    ORDER BY best.score DESC
    LIMIT %(k)s
) AS near
ORDER BY probe.number, near.score DESC
"""


class PgvectorEngine:
    """Searches one operator's templates under one contract; implements ``faceid.match.SearchEngine``."""

    def __init__(self, operator_id: UUID, contract_id: str) -> None:
        self._operator_id = operator_id
        self._contract_id = contract_id

    def nearest(
        self, probes: NDArray[np.float32], *, k: int, threshold: float, at: datetime, venue: str
    ) -> list[list[Match]]:
        """Find the subjects nearest to each probe (one query); see ``faceid.match.SearchEngine.nearest``."""
        found: list[list[Match]] = [[] for _ in probes]
        with connection.cursor() as cursor:
            cursor.execute(
                _NEAREST,
                {
                    "probes": [written(probe) for probe in probes],
                    "operator_id": self._operator_id,
                    "contract": self._contract_id,
                    "at": at,
                    "venue": venue,
                    "threshold": threshold,
                    "k": k,
                },
            )
            for number, template_id, subject_id, score in cursor.fetchall():
                found[number - 1].append(Match(str(template_id), str(subject_id), min(1.0, score)))
        return found


def written(vector: NDArray[np.float32]) -> str:
    """Return a vector in pgvector's text form, without loss."""
    return "[" + ",".join(map(repr, vector.tolist())) + "]"
