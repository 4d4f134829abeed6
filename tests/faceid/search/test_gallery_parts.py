"""A gallery that packs itself into snapshots answers as a plain dictionary would, whatever comes in between."""

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import faceid.gallery
from faceid.errors import ContractMismatch
from faceid.gallery import Gallery
from faceid.match import Entry
from faceid.search.hits import Hit, ordered
from faceid.search.snapshot import Snapshot

from .conftest import columns_of, drawn

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
VECTORS = drawn("clustered", 60, 16, 3)
PROBES = drawn("clustered", 5, 16, 4)
VENUES = ("ven_a", "ven_b")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pack from eight templates on."""
    monkeypatch.setattr(faceid.gallery, "PACK_FROM", 8)


def entry(number: int, seed: int, until: datetime | None = None, where: frozenset[str] | None = None) -> Entry:
    return Entry(f"t{number}", f"s{number % 7}", VECTORS[seed], until, where)


def expected(entries: dict[str, Entry], probe: np.ndarray, k: int, threshold: float, venue: str) -> list[Hit]:
    hits = []
    for one in entries.values():
        score = float(np.einsum("ij,j->i", one.vector.astype(np.float64)[None], probe.astype(np.float64))[0])
        live = one.valid_until is None or one.valid_until > AT
        if live and (one.venues is None or venue in one.venues) and score >= threshold:
            hits.append(Hit(score, one.key, one.subject))
    return ordered(hits, k)


class PackingGallery(RuleBasedStateMachine):
    """Any order of changes, with a new snapshot every few templates."""

    def __init__(self) -> None:
        super().__init__()
        self.before, faceid.gallery.PACK_FROM = faceid.gallery.PACK_FROM, 4
        self.gallery = Gallery("emb", 16)
        self.entries: dict[str, Entry] = {}

    def teardown(self) -> None:
        faceid.gallery.PACK_FROM = self.before

    @rule(
        number=st.integers(0, 20),
        seed=st.integers(0, 59),
        until=st.none() | st.integers(-1, 1).map(lambda hours: AT + hours * HOUR),
        where=st.none() | st.frozensets(st.sampled_from(VENUES)),
    )
    def put(self, number: int, seed: int, until: datetime | None, where: frozenset[str] | None) -> None:
        one = entry(number, seed, until, where)
        self.gallery.put(one)
        self.entries[one.key] = one

    @rule(number=st.integers(0, 20))
    def remove(self, number: int) -> None:
        assert self.gallery.remove(f"t{number}") is (self.entries.pop(f"t{number}", None) is not None)

    @rule(number=st.integers(0, 6))
    def remove_subject(self, number: int) -> None:
        kept = {key: one for key, one in self.entries.items() if one.subject != f"s{number}"}
        assert self.gallery.remove_subject(f"s{number}") == len(self.entries) - len(kept)
        self.entries = kept

    @rule()
    def pack(self) -> None:
        self.gallery.pack()

    @rule()
    def adopt(self) -> None:
        if self.entries:
            self.gallery.adopt(Snapshot.of(self.gallery.columns(), contract="emb"))

    @invariant()
    def finds_what_a_dictionary_finds(self) -> None:
        assert self.gallery.keys() == self.entries.keys()
        assert len(self.gallery) == len(self.entries)
        assert {key.decode() for key in self.gallery.terms().keys.tolist()} == self.entries.keys()
        for venue in VENUES:
            for probes in (PROBES[:1], PROBES):
                found = self.gallery.nearest(probes, k=3, threshold=0.2, at=AT, venue=venue)
                for probe, matches in zip(probes, found, strict=True):
                    wanted = expected(self.entries, probe, 3, 0.2, venue)
                    assert [match.key for match in matches] == [hit.key for hit in wanted]
                    assert [match.score for match in matches] == [min(1.0, hit.score) for hit in wanted]


PackingGallery.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestPackingGallery = PackingGallery.TestCase


def test_a_gallery_packs_itself_unless_its_owner_does(small: None):
    itself, owned = Gallery("emb", 16), Gallery("emb", 16, packs=False)

    for number in range(8):
        for gallery in (itself, owned):
            assert gallery.snapshot is None
            gallery.put(entry(number, number))

    assert (itself.snapshot is not None, itself.loose) == (True, 0)
    assert (owned.snapshot, owned.loose) == (None, 8)


def test_a_replaced_template_leaves_nothing_in_the_snapshot(small: None):
    gallery = Gallery("emb", 16, [entry(number, number) for number in range(10)])
    snapshot = gallery.snapshot
    assert snapshot is not None
    row = snapshot.row("t3")

    gallery.put(entry(3, 40))

    assert snapshot.row("t3") is None
    assert not snapshot._vectors[row].any()
    assert (len(gallery), gallery.loose) == (10, 1)


def test_a_snapshot_of_another_contract_is_refused_and_nothing_changes():
    gallery = Gallery("emb", 16, [entry(1, 1)])

    for other in (
        Snapshot.of(columns_of(VECTORS), contract="emb_other"),
        Snapshot.of(columns_of(drawn("isotropic", 5, 8, 1)), contract="emb"),
    ):
        with pytest.raises(ContractMismatch):
            gallery.adopt(other)

    assert gallery.keys() == {"t1"}


def test_searches_beside_changes_and_packing_always_find_who_stays(small: None):
    gallery, stop, wrong = Gallery("emb", 16, [entry(0, 0)]), threading.Event(), list[object]()

    def search(count: int) -> None:
        while not stop.is_set():
            found = gallery.nearest(np.repeat(VECTORS[:1], count, axis=0), k=1, threshold=0.999, at=AT, venue="ven_a")
            if {tuple(match.key for match in row) for row in found} != {("t0",)}:
                wrong.append(found)

    searchers = [threading.Thread(target=search, args=(count,)) for count in (1, 5)]
    for searcher in searchers:
        searcher.start()
    for _ in range(6):
        for number in range(1, 40):
            gallery.put(entry(number, number))
        for number in range(1, 40):
            gallery.remove(f"t{number}")
    stop.set()
    for searcher in searchers:
        searcher.join()

    assert wrong == []
    assert gallery.keys() == {"t0"}
