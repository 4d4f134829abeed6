"""What galleries beyond memory are searched by, measured as it is used: under filters and after deletions."""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from accounts.services import create_operator
from core.tenancy import operator_scope
from faceid.bench import interleaved
from faceid.search.bench import THRESHOLD, probes_of, templates
from identities.hnsw_engine import HnswEngine
from identities.pgvector_engine import written
from identities.services.search_index import make_index

CONTRACT = "emb_benchmark"
PROBES = 200

_PEOPLE = """
INSERT INTO subjects_subject (id, created_at, operator_id, pseudonym, origin, reference)
    SELECT id, now(), %(operator)s, 'person-' || number, 'simulated', gen_random_uuid()
    FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS one (id, number);
INSERT INTO subjects_consent (id, created_at, operator_id, subject_id, purpose, state, given_at, expires_at)
    SELECT gen_random_uuid(), now(), %(operator)s, id, 'recognise', 'given', now() - interval '1 day', %(until)s
    FROM unnest(%(ids)s::uuid[]) AS one (id);
ANALYZE subjects_consent;
INSERT INTO identities_template (id, created_at, operator_id, subject_id, contract, embedding, quality, occasion)
    SELECT id, now(), %(operator)s, id, %(contract)s, vector::vector, '{}', 'enrolment'
    FROM unnest(%(ids)s::uuid[], %(vectors)s::text[]) AS one (id, vector)
"""
_PLACES = """
UPDATE subjects_consent SET venue_id = one.venue
    FROM unnest(%s::uuid[], %s::uuid[]) AS one (id, venue) WHERE subject_id = one.id
"""
_ANALYZE = "ANALYZE subjects_consent; ANALYZE identities_template"
_DELETE = "DELETE FROM identities_template WHERE id = ANY(%s::uuid[])"


@dataclass(frozen=True, slots=True)
class Offered:
    """One way of asking a gallery in the database.

    Attributes:
        reach: who may be found.
        in_reach: templates of theirs that are left.
        milliseconds: median of one search for one probe.
        plain: the same of numpy's product with all templates that are left, measured in turn.
        recall: share of 200 probes of people in reach with the answer of comparing everything, 0 to 1: the true nearest
            template, or rightly nobody.
        build_seconds: time to fill the tables and to make the index.
    """

    reach: str
    in_reach: int
    milliseconds: float
    plain: float
    recall: float
    build_seconds: float


def offered_rows(kind: str, count: int, dimension: int = 128, *, rounds: int = 30, seed: int = 1) -> Iterator[Offered]:
    """Measure ``identities.hnsw_engine`` on one operator's gallery.

    First everybody may be found everywhere; then a third, a tenth and a hundredth at one venue each; then half of all
    templates are deleted, and their rows stay in the index as they do until the next vacuum.

    Everything made in the database is rolled back.

    Args:
        kind: of vectors, see :func:`faceid.search.bench.templates`.
        count, dimension: shape of the gallery; one template per person.
        rounds: searches measured of each.
        seed: of templates, probes, venues and deletions.
    """
    with transaction.atomic():
        operator = create_operator(name="Benchmark", slug=f"benchmark-{uuid.uuid4().hex[:8]}")
        with operator_scope(operator.id):
            crowd = _Crowd(operator.id, kind, count, dimension, seed)
            yield crowd.asked("all in reach", None, rounds)
            crowd.send_to_venues()
            for name, venue in crowd.venues.items():
                yield crowd.asked(f"{name} in reach", venue, rounds)
            crowd.delete_half()
            yield crowd.asked("a third in reach, half of all deleted", crowd.venues["a third"], rounds)
            crowd.send_everywhere()
            yield crowd.asked("all in reach, half of all deleted", None, rounds)
        transaction.set_rollback(True)


class _Crowd:
    def __init__(self, operator_id: uuid.UUID, kind: str, count: int, dimension: int, seed: int) -> None:
        self.kind, self.random = kind, np.random.default_rng(seed)
        self.vectors = templates(kind, count, dimension, self.random)
        self.ids = [str(uuid.UUID(int=number)) for number in self.random.permutation(count).tolist()]
        self.venues = {name: uuid.uuid4() for name in ("a third", "a tenth", "a hundredth")}
        self.places = np.full(count, -1)
        self.left = np.ones(count, dtype=np.bool_)
        self.engine = HnswEngine(operator_id, CONTRACT, dimension)
        began = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute(
                _PEOPLE,
                {
                    "operator": operator_id, "contract": CONTRACT, "ids": self.ids,
                    "until": datetime.now(UTC) + timedelta(days=365), "vectors": [written(one) for one in self.vectors],
                },
            )  # fmt: skip
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            make_index(
                operator_id=operator_id, contract=CONTRACT, dimension=dimension, concurrently=False
            )  # fmt: skip
            cursor.execute(_ANALYZE)
        self.build_seconds = time.perf_counter() - began

    def send_to_venues(self) -> None:
        """Let a third, a tenth and a hundredth, drawn at random, be found at one venue each, and the others nowhere."""
        count = len(self.ids)
        order, begin = self.random.permutation(count), 0
        for place, share in enumerate((3, 10, 100)):
            self.places[order[begin : begin + count // share]] = place
            begin += count // share
        venues = [*self.venues.values(), uuid.uuid4()]
        self._place([str(venues[place]) for place in self.places])

    def send_everywhere(self) -> None:
        """Let everybody be found at every venue again."""
        self._place([None] * len(self.ids))

    def delete_half(self) -> None:
        """Delete the templates of half of the people, drawn at random."""
        gone = self.random.permutation(len(self.ids))[: len(self.ids) // 2]
        self.left[gone] = False
        with connection.cursor() as cursor:
            cursor.execute(_DELETE, [[self.ids[number] for number in gone]])

    def asked(self, reach: str, venue: uuid.UUID | None, rounds: int) -> Offered:
        """Search for people in reach, by the engine and by brute force."""
        inside = self.left.copy()
        if venue is not None:
            inside &= self.places == list(self.venues.values()).index(venue)
        rows = np.flatnonzero(inside)
        shown = self.random.permutation(rows)[:PROBES]
        probes = probes_of(self.kind, self.vectors[shown], True, len(shown), self.random)
        truth = self._truth(probes, rows)
        left = np.ascontiguousarray(self.vectors[self.left])
        at = datetime.now(UTC)

        def nearest(probe: NDArray[np.float32]) -> str | None:
            (found,) = self.engine.nearest(probe[None], k=1, threshold=THRESHOLD, at=at, venue=str(venue or ""))
            return found[0].key if found else None

        plain, milliseconds = interleaved(
            [lambda: np.argmax(probes[:1] @ left.T), lambda: nearest(probes[0])], rounds
        )  # fmt: skip
        right = [nearest(probe) == key for probe, key in zip(probes, truth, strict=True)]
        return Offered(reach, len(rows), milliseconds, plain, float(np.mean(right)), self.build_seconds)

    def _truth(self, probes: NDArray[np.float32], rows: NDArray[np.intp]) -> list[str | None]:
        """Find by brute force who is nearest to each probe; nobody where the nearest is below the threshold."""
        scores = probes @ self.vectors[rows].T
        best = np.argmax(scores, axis=1)
        reached = scores[np.arange(len(probes)), best] >= THRESHOLD
        return [self.ids[rows[one]] if enough else None for one, enough in zip(best, reached, strict=True)]

    def _place(self, venues: Sequence[str | None]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_PLACES, [self.ids, list(venues)])
            cursor.execute("ANALYZE subjects_consent")
