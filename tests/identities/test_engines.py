"""Two engines, one behaviour: what memory finds, pgvector finds, and neither looks around a consent."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

import subjects.services
from accounts.models import Operator
from core.epochs import Topic, bump, versions
from core.tenancy import operator_scope
from faceid.match import Match, SearchEngine, identify
from identities import faces, index, keys, selectors, services
from identities.index import Index
from identities.models import Template
from identities.pgvector_engine import PgvectorEngine

Engine = Callable[[], SearchEngine]


@pytest.fixture(params=["memory", "pgvector"])
def engine(request: pytest.FixtureRequest, operator: Operator) -> Engine:
    """Make the engine of the operator, as a request would that comes now."""

    def call() -> SearchEngine:
        if request.param == "memory":
            return index.gallery(operator.id, versions(operator_id=operator.id))
        return PgvectorEngine(operator.id, faces.contract(operator.id).id)

    return call


@pytest.fixture
def templated(operator: Operator, notice: Any, at: datetime) -> Callable[..., Any]:
    """Give somebody a template of a chosen vector."""

    def call(vector: Any, **terms: Any) -> Any:
        subject = subjects.services.register(
            operator_id=operator.id, origin="simulated", notice=notice, purposes=["recognise"], channel="api",
            actor="a", method="m", at=at, **terms,
        ).subject  # fmt: skip
        Template.objects.create(
            operator_id=operator.id, subject=subject, contract=faces.contract(operator.id).id, embedding=vector
        )
        bump(operator_id=operator.id, topic=Topic.GALLERY)
        return subject

    return call


def nearest(
    engine: SearchEngine, vector: Any, at: datetime, venue: str = "", k: int = 3, threshold: float = 0.3
) -> list[Match]:
    return engine.nearest(vector[None, :], k=k, threshold=threshold, at=at, venue=venue)[0]


def test_an_empty_gallery_knows_nobody(engine: Engine, unit_vectors: Any, at: datetime) -> None:
    assert engine().nearest(unit_vectors(2), k=1, threshold=-1.0, at=at, venue="") == [[], []]


def test_the_nearest_come_first_each_subject_once(
    operator: Operator, engine: Engine, templated: Any, unit_vectors: Any, at: datetime
) -> None:
    a, b, c = unit_vectors(3)
    near = (a + 0.5 * b) / np.linalg.norm(a + 0.5 * b)
    first, second = templated(a), templated(near)
    templated(c)
    twin = Template.objects.create(
        operator_id=operator.id, subject=first, contract=faces.contract(operator.id).id, embedding=-a
    )
    bump(operator_id=operator.id, topic=Topic.GALLERY)

    found = nearest(engine(), a, at)

    assert [match.subject for match in found] == [str(first.id), str(second.id)]
    assert found[0].score == pytest.approx(1.0, abs=1e-5)
    assert found[1].score == pytest.approx(float(a @ near), abs=1e-5)
    assert found[0].key != str(twin.id)


def test_threshold_and_number_are_kept(engine: Engine, templated: Any, unit_vectors: Any, at: datetime) -> None:
    a, b = unit_vectors(2)
    templated(a)
    templated(b)

    assert len(nearest(engine(), a, at, k=1, threshold=-1.0)) == 1
    assert len(nearest(engine(), a, at, k=5, threshold=-1.0)) == 2
    assert nearest(engine(), a, at, threshold=1.01) == []


def test_many_probes_get_their_own_answers(engine: Engine, templated: Any, unit_vectors: Any, at: datetime) -> None:
    vectors = unit_vectors(8)
    people = [templated(vector) for vector in vectors]

    found = identify(engine(), vectors, at=at, venue="")

    assert [match.subject if match else None for match in found] == [str(person.id) for person in people]


def test_a_withdrawn_consent_does_not_match(
    operator: Operator, engine: Engine, templated: Any, unit_vectors: Any, at: datetime
) -> None:
    [a] = unit_vectors(1)
    subject = templated(a)
    assert nearest(engine(), a, at)

    subjects.services.withdraw_all(operator_id=operator.id, subject_id=subject.id, channel="c", actor="a", at=at)

    assert nearest(engine(), a, at) == []


def test_a_consent_matches_until_its_end_and_not_at_it(
    engine: Engine, templated: Any, unit_vectors: Any, at: datetime
) -> None:
    [a] = unit_vectors(1)
    end = at + timedelta(days=1)
    templated(a, expires_at=end)

    assert nearest(engine(), a, end - timedelta(milliseconds=1))
    assert nearest(engine(), a, end) == []


def test_a_consent_matches_at_its_venue_only(engine: Engine, templated: Any, unit_vectors: Any, at: datetime) -> None:
    [a] = unit_vectors(1)
    venue_id = uuid.uuid4()
    templated(a, venue_id=venue_id)

    assert nearest(engine(), a, at, venue=str(venue_id))
    assert nearest(engine(), a, at, venue=str(uuid.uuid4())) == []
    assert nearest(engine(), a, at, venue="") == []


def test_templates_of_another_contract_are_not_compared(
    operator: Operator, engine: Engine, templated: Any, unit_vectors: Any, at: datetime
) -> None:
    [a] = unit_vectors(1)
    templated(a)
    Template.objects.update(contract="emb_of_another_day")
    bump(operator_id=operator.id, topic=Topic.GALLERY)

    assert nearest(engine(), a, at) == []


def test_both_engines_agree_on_random_galleries(
    operator: Operator, templated: Any, unit_vectors: Any, at: datetime
) -> None:
    vectors = unit_vectors(40)
    for vector in vectors:
        templated(vector)
    probes = unit_vectors(10, seed=8)
    memory = index.gallery(operator.id, versions(operator_id=operator.id))
    database = PgvectorEngine(operator.id, faces.contract(operator.id).id)
    asked = {"k": 5, "threshold": -1.0, "at": at, "venue": ""}

    from_memory, from_database = memory.nearest(probes, **asked), database.nearest(probes, **asked)

    assert [[m.key for m in row] for row in from_memory] == [[m.key for m in row] for row in from_database]
    for one, other in zip(from_memory, from_database, strict=True):
        assert [m.score for m in one] == pytest.approx([m.score for m in other], abs=1e-5)


def test_pgvector_answers_in_one_query(
    operator: Operator, templated: Any, unit_vectors: Any, at: datetime, django_assert_num_queries: Any
) -> None:
    vectors = unit_vectors(6)
    for vector in vectors:
        templated(vector)
    database = PgvectorEngine(operator.id, faces.contract(operator.id).id)

    with django_assert_num_queries(1):
        database.nearest(vectors, k=2, threshold=0.0, at=at, venue="")


def test_a_warm_index_asks_the_database_nothing(
    operator: Operator, templated: Any, unit_vectors: Any, django_assert_num_queries: Any
) -> None:
    templated(unit_vectors(1)[0])
    process, seen = Index(), versions(operator_id=operator.id)
    process.gallery(operator.id, seen)

    with django_assert_num_queries(0):
        assert len(process.gallery(operator.id, seen)) == 1


def test_a_change_fetches_only_the_vectors_that_are_new(
    operator: Operator, templated: Any, unit_vectors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = unit_vectors(6)
    for vector in vectors[:5]:
        templated(vector)
    process = Index()
    process.gallery(operator.id, versions(operator_id=operator.id))
    fetched: list[int] = []
    whole = selectors.vectors
    monkeypatch.setattr(
        selectors, "vectors", lambda **asked: fetched.append(len(asked["template_ids"])) or whole(**asked)
    )

    templated(vectors[5])

    assert len(process.gallery(operator.id, versions(operator_id=operator.id))) == 6
    assert fetched == [1]


def test_new_terms_of_a_consent_reach_the_index(
    operator: Operator, templated: Any, unit_vectors: Any, notice: Any, at: datetime
) -> None:
    [a] = unit_vectors(1)
    subject = templated(a, expires_at=at + timedelta(hours=1))
    process = Index()
    assert nearest(process.gallery(operator.id, versions(operator_id=operator.id)), a, at + timedelta(hours=2)) == []

    subjects.services.give_consent(
        operator_id=operator.id, subject_id=subject.id, purposes=["recognise"], notice=notice, channel="c", actor="a",
        method="m", at=at,
    )  # fmt: skip

    assert nearest(process.gallery(operator.id, versions(operator_id=operator.id)), a, at + timedelta(hours=2))


def test_an_older_request_does_not_turn_the_index_back(
    operator: Operator, templated: Any, unit_vectors: Any, at: datetime, django_assert_num_queries: Any
) -> None:
    subject = templated(unit_vectors(1)[0])
    process, older = Index(), versions(operator_id=operator.id)
    process.gallery(operator.id, older)
    subjects.services.withdraw_all(operator_id=operator.id, subject_id=subject.id, channel="c", actor="a", at=at)
    process.gallery(operator.id, versions(operator_id=operator.id))

    with django_assert_num_queries(0):
        assert len(process.gallery(operator.id, older)) == 0


def test_forgetting_drops_templates_from_database_and_memory(
    operator: Operator, templated: Any, unit_vectors: Any
) -> None:
    vectors = unit_vectors(2)
    subject, _ = templated(vectors[0]), templated(vectors[1])
    process = Index()
    process.gallery(operator.id, versions(operator_id=operator.id))

    assert services.forget(operator_id=operator.id, subject_id=subject.id) == {"templates": 1}
    assert services.forget(operator_id=operator.id, subject_id=subject.id) == {"templates": 0}
    assert len(process.held(operator.id, versions(operator_id=operator.id))) == 1
    assert selectors.count(operator_id=operator.id) == 1


def test_a_process_that_never_searched_holds_nothing(operator: Operator, templated: Any, unit_vectors: Any) -> None:
    templated(unit_vectors(1)[0])

    assert Index().held(operator.id, versions(operator_id=operator.id)) == frozenset()


def test_a_key_is_drawn_once_and_survives_the_process(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    first = faces.protection(operator.id)
    monkeypatch.setattr(keys, "_opened", {})

    assert faces.protection(operator.id).key_id == first.key_id


def test_another_operators_templates_are_invisible_to_both_engines(
    operator: Operator, other_operator: Operator, templated: Any, unit_vectors: Any, at: datetime
) -> None:
    [a] = unit_vectors(1)
    templated(a)
    contract = faces.contract(operator.id).id
    with operator_scope(other_operator.id):
        raw = PgvectorEngine(operator.id, contract).nearest(a[None, :], k=1, threshold=0.0, at=at, venue="")
        terms = selectors.terms(operator_id=operator.id, contract=contract)

    assert raw == [[]]
    assert terms == {}
