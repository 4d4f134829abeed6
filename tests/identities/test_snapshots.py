"""Processes that share a gallery answer alike, and what one of them drops is gone for all."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import transaction

import faceid.gallery
import subjects.services
from accounts.models import Operator
from core.epochs import Topic, bump, versions
from faceid.gallery import Gallery
from identities import faces, index, selectors, services, snapshots
from identities.index import Index
from identities.models import Template
from identities.pgvector_engine import PgvectorEngine
from privacy import search

LARGE = 24
"""Templates from which a gallery is shared in these tests."""


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Share galleries from a few templates on, in a folder of the test."""
    settings.GALLERY_SNAPSHOTS = str(tmp_path / "shared")
    monkeypatch.setattr(faceid.gallery, "PACK_FROM", LARGE)
    monkeypatch.setattr(index, "PACK_FROM", LARGE)
    return tmp_path / "shared"


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


@pytest.fixture
def crowd(templated: Any, unit_vectors: Any) -> list[tuple[Any, Any]]:
    """Enough people for a shared gallery, and their vectors."""
    return [(templated(vector), vector) for vector in unit_vectors(LARGE)]


def now(process: Index, operator: Operator) -> Gallery:
    return process.gallery(operator.id, versions(operator_id=operator.id))


def names(gallery: Gallery, vector: Any, at: datetime) -> list[str]:
    found = gallery.nearest(vector[None, :], k=1, threshold=0.9, at=at, venue="")[0]
    return [match.subject for match in found]


def files(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def withdraw(operator: Operator, subject: Any, at: datetime) -> None:
    subjects.services.withdraw_all(operator_id=operator.id, subject_id=subject.id, channel="c", actor="a", at=at)


def test_the_second_process_maps_what_the_first_one_wrote(
    operator: Operator, crowd: Any, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = now(Index(), operator)
    monkeypatch.setattr(selectors, "vectors", None)
    monkeypatch.setattr(selectors, "term_columns", None)

    second = now(Index(), operator)

    assert first.snapshot is not None
    assert second.snapshot is not None
    assert (second.snapshot.header, second.loose) == (first.snapshot.header, 0)
    for subject, vector in crowd:
        assert names(second, vector, at) == [str(subject.id)]


def test_a_small_gallery_touches_no_file(
    operator: Operator, templated: Any, unit_vectors: Any, folder: Path, at: datetime
) -> None:
    [vector] = unit_vectors(1)
    subject = templated(vector)

    assert names(now(Index(), operator), vector, at) == [str(subject.id)]
    assert not folder.exists()


def test_a_snapshot_older_than_the_epochs_is_brought_up_to_date_before_it_is_searched(
    operator: Operator, crowd: Any, templated: Any, unit_vectors: Any, at: datetime
) -> None:
    now(Index(), operator)
    [newcomer] = unit_vectors(1, seed=99)
    subject = templated(newcomer)
    withdraw(operator, crowd[0][0], at)

    late = now(Index(), operator)

    assert names(late, newcomer, at) == [str(subject.id)]
    assert names(late, crowd[0][1], at) == []
    assert late.loose == 1


def test_whoever_learns_first_of_a_withdrawal_overwrites_the_template_for_all(
    operator: Operator, crowd: Any, folder: Path, at: datetime
) -> None:
    first, second = Index(), Index()
    now(first, operator)
    behind = now(second, operator)
    (gone, vector), (stays, other) = crowd[:2]
    assert vector.astype("<f4").tobytes() in files(folder)
    withdraw(operator, gone, at)

    now(first, operator)

    assert names(behind, vector, at) == []
    assert names(behind, other, at) == [str(stays.id)]
    assert vector.astype("<f4").tobytes() not in files(folder)
    assert str(gone.id).encode() not in files(folder)


def test_an_erasure_reaches_a_snapshot_that_its_process_never_searched(
    operator: Operator, crowd: Any, folder: Path
) -> None:
    now(Index(), operator)
    (gone, vector), _ = crowd[:2]

    services.forget(operator_id=operator.id, subject_id=gone.id)
    left = Index().held(operator.id, versions(operator_id=operator.id))

    assert left == {str(template.id) for template in Template.objects.all()}
    assert len(left) == LARGE - 1
    assert vector.astype("<f4").tobytes() not in files(folder)


def test_the_search_of_every_store_finds_a_template_that_is_left_in_a_snapshot(
    operator: Operator, crowd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now(Index(), operator)
    template = Template.objects.get(subject=crowd[0][0])
    traces = search.Traces(operator.id, crowd[0][0].id, ("nobody",), frozenset({str(template.id)}), ())

    assert search.everywhere(traces).hits["gallery in memory"] == 1


def test_an_erasure_that_is_undone_loses_nobody_and_misses_nothing_afterwards(
    operator: Operator, crowd: Any, templated: Any, unit_vectors: Any, at: datetime
) -> None:
    process = Index()
    now(process, operator)
    subject, vector = crowd[0]

    def failed() -> None:
        with transaction.atomic():
            services.forget(operator_id=operator.id, subject_id=subject.id)
            process.held(operator.id, versions(operator_id=operator.id))
            raise RuntimeError("the erasure failed")

    with pytest.raises(RuntimeError):
        failed()
    [newcomer] = unit_vectors(1, seed=99)
    other = templated(newcomer)  # the same epoch as the one that was undone

    assert names(now(process, operator), vector, at) == [str(subject.id)]
    assert names(now(process, operator), newcomer, at) == [str(other.id)]


def test_new_terms_replace_old_ones_in_every_process(operator: Operator, crowd: Any, notice: Any, at: datetime) -> None:
    processes = [Index(), Index()]
    for process in processes:
        now(process, operator)
    subject, vector = crowd[0]
    subjects.services.give_consent(
        operator_id=operator.id, subject_id=subject.id, purposes=["recognise"], notice=notice, channel="c", actor="a",
        method="m", at=at, expires_at=at + timedelta(hours=1),
    )  # fmt: skip

    for process in processes:
        gallery = now(process, operator)
        assert names(gallery, vector, at) == [str(subject.id)]
        assert names(gallery, vector, at + timedelta(hours=1)) == []
        assert (len(gallery), gallery.loose) == (LARGE, 1)


def test_processes_agree_with_the_database_whatever_happens(
    operator: Operator, crowd: Any, templated: Any, unit_vectors: Any, at: datetime
) -> None:
    chance, processes = random.Random(5), [Index(), Index(), Index()]
    people, fresh = list(crowd), iter(unit_vectors(200, seed=9))
    database = PgvectorEngine(operator.id, faces.contract(operator.id).id)
    for _ in range(40):
        if chance.random() < 0.7:
            vector = next(fresh)
            people.append((templated(vector), vector))
        else:
            withdraw(operator, people.pop(chance.randrange(len(people)))[0], at)
        process = chance.choice(processes)

        probes = np.stack([people[0][1], people[-1][1], *unit_vectors(3, seed=chance.randrange(999))])
        asked = {"k": 3, "threshold": 0.1, "at": at, "venue": ""}
        found = now(process, operator).nearest(probes, **asked)

        expected = database.nearest(probes, **asked)
        assert [[match.key for match in row] for row in found] == [[match.key for match in row] for row in expected]
    assert any(now(process, operator).snapshot for process in processes)


def test_snapshots_of_contracts_that_are_no_longer_searched_are_deleted(
    operator: Operator, crowd: Any, folder: Path
) -> None:
    now(Index(), operator)
    contract = faces.contract(operator.id).id
    held = snapshots.newest(operator.id, contract, None)
    assert held is not None
    with snapshots.writing(operator.id, "emb_retired", wait=False) as mine:
        assert mine
        assert snapshots.publish(operator.id, "emb_retired", held.columns(), (1, 1))

    now(Index(), operator)

    assert snapshots.contracts(operator.id) == {contract}


@pytest.mark.parametrize("end", [services.rotate, services.destroy_keys])
def test_a_rotation_and_a_closing_delete_the_snapshots_of_old_contracts_before_anybody_searches(
    operator: Operator, crowd: Any, folder: Path, django_capture_on_commit_callbacks: Any, end: Any
) -> None:
    now(Index(), operator)
    _, vector = crowd[3]
    assert vector.astype(np.float32).tobytes() in files(folder)

    with django_capture_on_commit_callbacks(execute=True):
        end(operator_id=operator.id, actor="member:test")

    assert snapshots.contracts(operator.id) == set()
    assert vector.astype(np.float32).tobytes() not in files(folder)


def test_closing_an_operator_deletes_the_snapshots(
    operator: Operator, crowd: Any, folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    now(Index(), operator)

    with django_capture_on_commit_callbacks(execute=True):
        services.destroy_keys(operator_id=operator.id, actor="member:test")

    assert list(folder.glob("*.gallery")) == []


@pytest.mark.parametrize("damage", ["open to others", "not a snapshot"])
def test_what_cannot_be_trusted_is_not_read(
    operator: Operator, crowd: Any, folder: Path, at: datetime, damage: str
) -> None:
    now(Index(), operator)
    [file] = folder.glob("*.gallery")
    if damage == "open to others":
        file.chmod(0o666)
    else:
        file.write_bytes(b"something else")

    gallery = now(Index(), operator)

    assert names(gallery, crowd[0][1], at) == [str(crowd[0][0].id)]
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_folder_of_its_own_each_process_holds_its_own_gallery(
    operator: Operator, crowd: Any, folder: Path, at: datetime
) -> None:
    folder.mkdir()
    folder.chmod(0o777)

    gallery = now(Index(), operator)

    assert gallery.snapshot is not None
    assert names(gallery, crowd[0][1], at) == [str(crowd[0][0].id)]
    assert list(folder.iterdir()) == []
