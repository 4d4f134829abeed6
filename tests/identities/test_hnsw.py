"""What the approximate index finds under filters and after deletions: measured, and within its operator."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection

from accounts.models import Operator
from core.epochs import Topic, bump, versions
from core.tenancy import operator_scope
from faceid.gallery import Gallery
from faceid.search.columns import EVERYWHERE, Columns, texts
from identities import faces, hnsw_engine, index
from identities.hnsw_engine import HnswEngine, database_engine, index_name, indexes
from identities.models import Template
from identities.pgvector_engine import PgvectorEngine, written
from identities.services.search_index import drop_index, index_galleries

PEOPLE, MANY, PROBES = 1_500, 10_000, 60
SMALL, LARGE = uuid.uuid4(), uuid.uuid4()
"""A venue that one person in fifty consented to, and one that one in three did; the others come to every venue."""

_REGISTER = """
INSERT INTO subjects_subject (id, created_at, operator_id, pseudonym, origin, reference)
    SELECT id, now(), %(operator)s, 'person-' || number, 'simulated', gen_random_uuid()
    FROM unnest(%(subjects)s::uuid[]) WITH ORDINALITY AS one (id, number);
INSERT INTO subjects_consent
    (id, created_at, operator_id, subject_id, purpose, state, given_at, expires_at, venue_id)
    SELECT gen_random_uuid(), now(), %(operator)s, id, 'recognise', 'given', %(at)s, %(far)s, venue_id
    FROM unnest(%(subjects)s::uuid[], %(venues)s::uuid[]) AS one (id, venue_id);
ANALYZE subjects_consent;
INSERT INTO identities_template (id, created_at, operator_id, subject_id, contract, embedding, quality, occasion)
    SELECT id, now(), %(operator)s, subject_id, %(contract)s, vector::vector, '{}', 'enrolment'
    FROM unnest(%(templates)s::uuid[], %(subjects)s::uuid[], %(vectors)s::text[]) AS one (id, subject_id, vector);
ANALYZE identities_template;
UPDATE subjects_consent SET expires_at = one.expires_at
    FROM unnest(%(subjects)s::uuid[], %(ends)s::timestamptz[]) AS one (id, expires_at)
    WHERE subject_id = one.id AND one.expires_at < now();
SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED
"""


class Crowd:
    """Many people with clustered templates, in the database and by brute force."""

    def __init__(self, operator: Operator, at: datetime, count: int, seed: int) -> None:
        chance = np.random.default_rng(seed)
        mixing = chance.standard_normal((128, 128)) * (0.4 + 2.0 / (1 + np.arange(128)))
        vectors = chance.standard_normal((count, 128)) @ mixing.T + 0.5
        self.vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        noise = chance.standard_normal((count, 128)) @ mixing.T
        near = self.vectors + 0.7 * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        self.probes = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
        self.templates = [str(uuid.UUID(int=int(chance.integers(2**62)) << 64 | number)) for number in range(count)]
        self.subjects = [str(uuid.UUID(int=int(chance.integers(2**62)) << 64 | number)) for number in range(count)]
        self.ends = [at + timedelta(hours=-1 if number % 10 == 9 else 1) for number in range(count)]
        self.venues = [SMALL if number % 50 == 0 else LARGE if number % 3 == 0 else None for number in range(count)]
        self.alive = np.ones(count, dtype=bool)
        self.contract = faces.contract(operator.id).id
        with connection.cursor() as cursor:
            cursor.execute(
                _REGISTER,
                {
                    "operator": operator.id, "at": at - timedelta(days=1), "far": at + timedelta(days=9),
                    "ends": self.ends,
                    "contract": self.contract, "subjects": self.subjects, "templates": self.templates,
                    "venues": self.venues, "vectors": [written(vector) for vector in self.vectors],
                },
            )  # fmt: skip

    def exact(self) -> Gallery:
        """Everybody who is left, in memory."""
        sets = (frozenset({str(SMALL)}), frozenset({str(LARGE)}))
        areas = np.array([EVERYWHERE if v is None else int(v == LARGE) for v in self.venues], dtype=np.int32)
        columns = Columns(
            texts(self.templates), texts(self.subjects), self.vectors,
            np.array([end.timestamp() for end in self.ends]), areas, sets,
        )  # fmt: skip
        gallery = Gallery(self.contract, 128, columns)
        for number in np.flatnonzero(~self.alive):
            gallery.remove(self.templates[number])
        return gallery

    def delete(self, share: float) -> None:
        """Delete the templates of some."""
        gone = np.random.default_rng(1).choice(len(self.alive), size=int(share * len(self.alive)), replace=False)
        self.alive[gone] = False
        Template.objects.filter(id__in=[self.templates[number] for number in gone]).delete()

    def recall(self, engine: Any, at: datetime, venue: str) -> float:
        """Share of probes of people in reach whose nearest template comes first, as brute force says."""
        asked = {"k": 1, "threshold": 0.3, "at": at, "venue": venue}
        truth = self.exact().nearest(self.probes[:PROBES], **asked)
        found = engine.nearest(self.probes[:PROBES], **asked)
        right = [mine == true for mine, true in zip(map(_key, found), map(_key, truth), strict=True) if true]
        assert len(right) > PROBES // 3
        return float(np.mean(right))


def _key(matches: Any) -> str | None:
    return matches[0].key if matches else None


@pytest.fixture
def crowd(request: pytest.FixtureRequest, operator: Operator, at: datetime) -> Crowd:
    """A gallery with an index."""
    made = Crowd(operator, at, getattr(request, "param", PEOPLE), seed=1)
    bump(operator_id=operator.id, topic=Topic.GALLERY)
    index_galleries(operator_id=operator.id, index_from=PEOPLE, concurrently=False)
    return made


@pytest.fixture
def engine(operator: Operator, crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> HnswEngine:
    """The engine by the index, also where few are in reach."""
    monkeypatch.setattr(hnsw_engine, "EXACT_UP_TO", 100)
    chosen = database_engine(operator.id, crowd.contract, 128)
    assert isinstance(chosen, HnswEngine)
    return chosen


def plan(crowd: Crowd, engine: HnswEngine, at: datetime) -> str:
    with connection.cursor() as cursor:
        engine.nearest(crowd.probes[:1], k=1, threshold=0.3, at=at, venue="")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM identities_template WHERE operator_id = %s AND contract = %s"
            " ORDER BY embedding::vector(128) <#> %s::vector(128) LIMIT 5",
            [engine._operator_id, crowd.contract, written(crowd.probes[0])],
        )
        return str(cursor.fetchall())


@pytest.mark.parametrize("crowd", [MANY], indirect=True)
def test_recall_under_filters_and_after_deletions(
    operator: Operator, crowd: Crowd, engine: HnswEngine, at: datetime
) -> None:
    measured = {"somewhere": crowd.recall(engine, at, ""), "large venue": crowd.recall(engine, at, str(LARGE))}
    crowd.delete(0.5)
    measured |= {"half deleted": crowd.recall(engine, at, str(LARGE))}

    print("recall@1 of the walk:", measured)
    assert index_name(operator.id, crowd.contract) in plan(crowd, engine, at)
    assert min(measured.values()) >= 0.97


def test_where_few_are_in_reach_nobody_is_missed(
    operator: Operator, crowd: Crowd, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hnsw_engine, "EXACT_UP_TO", PEOPLE)
    monkeypatch.setattr(HnswEngine, "_walk", None)

    assert crowd.recall(HnswEngine(operator.id, crowd.contract, 128), at, str(SMALL)) == 1.0


def test_nobody_without_live_consent_for_the_place_is_found(crowd: Crowd, engine: HnswEngine, at: datetime) -> None:
    gone = {crowd.subjects[number] for number in range(PEOPLE) if crowd.ends[number] <= at}
    elsewhere = {crowd.subjects[number] for number in range(PEOPLE) if crowd.venues[number] == SMALL}

    found = engine.nearest(crowd.vectors[:100], k=5, threshold=0.2, at=at, venue=str(LARGE))

    named = {match.subject for row in found for match in row}
    assert named
    assert not named & (gone | elsewhere)
    assert all(len({match.subject for match in row}) == len(row) <= 5 for row in found)


def test_another_operator_finds_nobody_by_the_index(
    operator: Operator, other_operator: Operator, crowd: Crowd, engine: HnswEngine, at: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(hnsw_engine, "EXACT_UP_TO", -1)
    asked = {"k": 3, "threshold": -1.0, "at": at, "venue": ""}
    assert engine.nearest(crowd.probes[:2], **asked)[0]

    with operator_scope(other_operator.id):
        assert engine.nearest(crowd.probes[:2], **asked) == [[], []]


def test_settings_of_the_walk_end_with_it(crowd: Crowd, engine: HnswEngine, at: datetime) -> None:
    engine.nearest(crowd.probes[:1], k=1, threshold=0.3, at=at, venue="")

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('enable_sort'), current_setting('hnsw.iterative_scan')")
        assert cursor.fetchone() == ("on", "off")


def test_a_gallery_beyond_memory_is_searched_in_the_database(
    operator: Operator, crowd: Crowd, at: datetime, settings: Any
) -> None:
    seen = versions(operator_id=operator.id)
    settings.GALLERY_IN_MEMORY = PEOPLE - 1
    assert isinstance(index.engine(operator.id, seen), HnswEngine)
    assert index.held(operator.id, seen) == frozenset()

    drop_index(operator_id=operator.id, contract=crowd.contract, concurrently=False)
    assert isinstance(index.engine(operator.id, seen), PgvectorEngine)

    settings.GALLERY_IN_MEMORY = PEOPLE
    assert isinstance(index.engine(operator.id, seen), Gallery)


def test_an_index_is_made_once_and_only_for_a_large_gallery(operator: Operator, crowd: Crowd) -> None:
    name = index_name(operator.id, crowd.contract)
    assert indexes() == {name: True}
    assert index_galleries(operator_id=operator.id, index_from=PEOPLE, concurrently=False) == []

    drop_index(operator_id=operator.id, contract=crowd.contract, concurrently=False)

    assert indexes() == {}
    assert index_galleries(operator_id=operator.id, index_from=PEOPLE + 1, concurrently=False) == []
    assert index_galleries(operator_id=operator.id, index_from=PEOPLE, concurrently=False) == [name]
