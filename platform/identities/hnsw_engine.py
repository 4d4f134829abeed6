"""The third search engine, for galleries beyond memory: an approximate index in PostgreSQL for each gallery of its own.

One index over everybody with a filter loses people: the planner walks the index first and filters afterwards. So each
gallery (operator and contract) has a partial HNSW index, and consent and venue are joined while it is walked: a
neighbour that may not match makes the walk go on (pgvector's iterative scans, in strict order). Where few templates are
in reach, at a small venue for instance, walking is worse than comparing those few, so they are compared exactly.

What it finds is not everybody who is near: ``identities.bench`` measures the recall. The galleries in memory are exact.
"""

import hashlib
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from psycopg2 import sql

from faceid.match import Match
from identities.pgvector_engine import PgvectorEngine, written

EXACT_UP_TO = 10_000
"""Templates in reach up to which they are compared exactly."""

EF_SEARCH = 400
"""Candidates the walk keeps; more find more and take longer."""

MAX_WALK = 200_000
"""Templates the walk looks at before it gives up looking for more in reach."""

_SPARE = 8
"""Rows asked for beyond the number of subjects, since a subject may have several templates."""

_MOST = 512

_IN_REACH = """
FROM identities_template template
JOIN subjects_recognisable live
    ON live.subject_id = template.subject_id AND live.operator_id = template.operator_id
WHERE template.operator_id = {operator} AND template.contract = {contract}
    AND live.expires_at > {at} AND (live.venue_id IS NULL OR live.venue_id::text = {venue})
"""
_COUNT = f"SELECT count(*) FROM (SELECT 1 {_IN_REACH} LIMIT {{limit}}) AS reached"  # noqa: S608  # all of it is ours
_WALK = (
    "SELECT template.id, template.subject_id, -(template.embedding::vector({dimension}) <#> {probe}) AS score"
    + _IN_REACH
    + "ORDER BY template.embedding::vector({dimension}) <#> {probe} LIMIT {limit}"
)
# Sorting switched off, the index is the only way to the order asked for; the planner is not asked to guess.
_SETTINGS = (
    "SELECT set_config('enable_sort', %s, true), set_config('hnsw.iterative_scan', %s, true),"
    " set_config('hnsw.ef_search', %s, true), set_config('hnsw.max_scan_tuples', %s, true)"
)
_ON, _OFF = ("off", "strict_order", str(EF_SEARCH), str(MAX_WALK)), ("on", "off", "40", "20000")


class HnswEngine:
    """Searches one operator's templates under one contract; implements ``faceid.match.SearchEngine``.

    The gallery needs the index that ``identities.services.search_index`` makes.
    """

    def __init__(self, operator_id: UUID, contract_id: str, dimension: int) -> None:
        self._operator_id = operator_id
        self._contract_id = contract_id
        self._dimension = dimension

    def nearest(
        self, probes: NDArray[np.float32], *, k: int, threshold: float, at: datetime, venue: str
    ) -> list[list[Match]]:
        """Find subjects near each probe; see ``faceid.match.SearchEngine.nearest``. Some may be missed.

        Call it inside a transaction: the settings of the walk end with it.
        """
        reach = {
            "operator": sql.Literal(str(self._operator_id)), "contract": sql.Literal(self._contract_id),
            "at": sql.Literal(at), "venue": sql.Literal(venue),
        }  # fmt: skip
        if self._in_reach(reach) <= EXACT_UP_TO:
            exact = PgvectorEngine(self._operator_id, self._contract_id)
            return exact.nearest(probes, k=k, threshold=threshold, at=at, venue=venue)
        with connection.cursor() as cursor:
            cursor.execute(_SETTINGS, _ON)
            found = [self._walk(reach, probe, k, threshold) for probe in probes]
            cursor.execute(_SETTINGS, _OFF)
        return found

    def _in_reach(self, reach: dict[str, sql.Literal]) -> int:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(_COUNT).format(**reach, limit=sql.Literal(EXACT_UP_TO + 1)))
            return int(cursor.fetchone()[0])

    def _walk(self, reach: dict[str, sql.Literal], probe: NDArray[np.float32], k: int, threshold: float) -> list[Match]:
        """Ask for more rows as long as they may show further subjects."""
        limit = k + _SPARE
        while True:
            rows = self._rows(reach, probe, limit)
            best: dict[str, Match] = {}
            for template_id, subject_id, score in rows:
                if score >= threshold:
                    best.setdefault(str(subject_id), Match(str(template_id), str(subject_id), min(1.0, score)))
            if len(best) >= k or len(rows) < limit or rows[-1][2] < threshold or limit >= _MOST:
                return list(best.values())[:k]
            limit *= 4

    def _rows(
        self, reach: dict[str, sql.Literal], probe: NDArray[np.float32], limit: int
    ) -> list[tuple[UUID, UUID, float]]:
        # Literals, no parameters: the planner must see that the index's condition holds.
        vector = sql.SQL("{}::vector({})").format(sql.Literal(written(probe)), sql.Literal(self._dimension))
        query = sql.SQL(_WALK).format(
            **reach, probe=vector, dimension=sql.Literal(self._dimension), limit=sql.Literal(limit)
        )
        with connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())


def index_name(operator_id: UUID, contract_id: str) -> str:
    """Return the name of a gallery's index."""
    return f"template_hnsw_{hashlib.sha256(f'{operator_id} {contract_id}'.encode()).hexdigest()[:24]}"


def indexes() -> dict[str, bool]:
    """Return by name the search indexes there are and whether each is complete."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name.relname, one.indisvalid FROM pg_index one JOIN pg_class name ON name.oid = one.indexrelid"
            " WHERE one.indrelid = 'identities_template'::regclass AND name.relname LIKE 'template\\_hnsw\\_%%'"
        )
        return dict(cursor.fetchall())


def database_engine(operator_id: UUID, contract_id: str, dimension: int) -> PgvectorEngine | HnswEngine:
    """Return the engine for a gallery that stays in the database: by its index where it has one, else exact."""
    if indexes().get(index_name(operator_id, contract_id)):
        return HnswEngine(operator_id, contract_id, dimension)
    return PgvectorEngine(operator_id, contract_id)
