import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from numpy.typing import NDArray

from faceid.gallery import Gallery
from faceid.match import Entry, Match, SearchEngine

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DIMENSION = 16
VENUES = ("ven_a", "ven_b", "ven_c")


def unit(count: int, seed: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def entry(number: int, **about: object) -> Entry:
    fields: dict[str, object] = {"key": f"t{number}", "subject": f"s{number}", "vector": unit(1, number)[0]}
    return Entry(**(fields | about))  # type: ignore[arg-type]


def gallery_of(*entries: Entry) -> Gallery:
    return Gallery("emb_0123456789abcdef", DIMENSION, entries)


def subjects(engine: SearchEngine, probe: NDArray[np.float32], at: datetime = AT, venue: str = "ven_a") -> list[str]:
    found = engine.nearest(probe[None], k=1000, threshold=-1.0, at=at, venue=venue)[0]
    return [match.subject for match in found]


def brute_force(
    entries: Sequence[Entry], probe: NDArray[np.float32], k: int, threshold: float, at: datetime, venue: str
) -> list[tuple[str, float]]:
    """Search the slow and obvious way: pairs of key and score."""
    best: dict[str, tuple[str, float]] = {}
    for one in entries:
        score = float(one.vector @ probe)
        live = one.valid_until is None or one.valid_until > at
        if live and (one.venues is None or venue in one.venues) and score >= threshold:
            best[one.subject] = max(best.get(one.subject, ("", -2.0)), (one.key, score), key=lambda pair: pair[1])
    return sorted(best.values(), key=lambda pair: -pair[1])[:k]


moments = st.none() | st.integers(-3, 3).map(lambda hours: AT + hours * HOUR)
places = st.none() | st.frozensets(st.sampled_from(VENUES))
descriptions = st.lists(st.tuples(st.integers(0, 12), moments, places), max_size=40)


@settings(max_examples=60)
@given(descriptions, st.integers(1, 6), st.floats(-0.5, 0.6), st.sampled_from([*VENUES, "ven_elsewhere"]))
def test_nearest_equals_brute_force(
    described: list[tuple[int, datetime | None, frozenset[str] | None]], k: int, threshold: float, venue: str
):
    entries = [
        entry(number, subject=f"s{subject}", valid_until=until, venues=where)
        for number, (subject, until, where) in enumerate(described)
    ]
    probes = unit(3, 10_000)

    found = gallery_of(*entries).nearest(probes, k=k, threshold=threshold, at=AT, venue=venue)

    for probe, matches in zip(probes, found, strict=True):
        expected = brute_force(entries, probe, k, threshold, AT, venue)
        assert [match.key for match in matches] == [key for key, _ in expected]
        np.testing.assert_allclose([match.score for match in matches], [score for _, score in expected], atol=1e-6)


def test_a_large_gallery_equals_brute_force_for_a_small_and_for_a_whole_venue():
    vectors = unit(3000, 5)
    entries = [
        entry(row, vector=vector, venues=frozenset({"ven_b"}) if row % 20 else None)
        for row, vector in enumerate(vectors)
    ]
    gallery = gallery_of(*entries)

    for venue in ("ven_a", "ven_b"):
        for probe in unit(4, 77):
            matches = gallery.nearest(probe[None], k=5, threshold=0.0, at=AT, venue=venue)[0]
            expected = brute_force(entries, probe, 5, 0.0, AT, venue)
            assert [match.key for match in matches] == [key for key, _ in expected]


def test_consent_ends_at_its_moment():
    gallery = gallery_of(entry(1, valid_until=AT))

    assert subjects(gallery, unit(1, 1)[0], at=AT - timedelta(microseconds=1)) == ["s1"]
    assert subjects(gallery, unit(1, 1)[0], at=AT) == []


def test_consent_for_one_venue_does_not_reach_another():
    gallery = gallery_of(entry(1, venues=frozenset({"ven_a", "ven_b"})), entry(2), entry(3, venues=frozenset()))

    assert sorted(subjects(gallery, unit(1, 1)[0], venue="ven_b")) == ["s1", "s2"]
    assert subjects(gallery, unit(1, 1)[0], venue="ven_c") == ["s2"]


def test_a_removed_template_is_gone_and_its_numbers_are_overwritten():
    gallery = gallery_of(entry(1), entry(2))

    assert gallery.remove("t1") is True

    assert subjects(gallery, unit(1, 1)[0]) == ["s2"]
    assert not gallery._table._vectors[0].any()
    assert "t1" not in gallery
    assert gallery.remove("t1") is False


def test_removing_a_subject_removes_all_their_templates_only():
    gallery = gallery_of(entry(1, subject="s"), entry(2, subject="s"), entry(3))

    assert gallery.remove_subject("s") == 2

    assert gallery.keys() == {"t3"}
    assert gallery.remove_subject("s") == 0


def test_putting_a_key_again_replaces_its_consent_and_its_vector():
    gallery = gallery_of(entry(1))

    gallery.put(entry(1, vector=unit(1, 9)[0], venues=frozenset({"ven_c"})))

    assert len(gallery) == 1
    assert subjects(gallery, unit(1, 9)[0], venue="ven_a") == []
    assert gallery.nearest(unit(1, 9), k=1, threshold=0.99, at=AT, venue="ven_c")[0][0].key == "t1"


def test_a_subject_with_several_templates_is_listed_once_with_the_nearest():
    probe = unit(1, 1)[0]
    gallery = gallery_of(entry(1, subject="s"), entry(2, subject="s"))

    matches = gallery.nearest(probe[None], k=5, threshold=-1.0, at=AT, venue="ven_a")[0]

    assert matches == [Match("t1", "s", pytest.approx(1.0, abs=1e-6))]


def test_replacing_the_content_swaps_it_whole():
    gallery = gallery_of(entry(1))

    gallery.replace([entry(2), entry(3)])

    assert gallery.keys() == {"t2", "t3"}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"vector": np.ones(DIMENSION, dtype=np.float32)}, "unit vector"),
        ({"vector": np.full(DIMENSION, np.nan, dtype=np.float32)}, "unit vector"),
        ({"vector": np.ones(4, dtype=np.float32)}, r"shape \(16,\), not \(4,\)"),
        ({"valid_until": datetime(2026, 11, 22)}, "zone"),
    ],
)
def test_a_malformed_template_is_refused_and_the_old_one_stays(bad: dict[str, object], message: str):
    gallery = gallery_of(entry(1))

    with pytest.raises(ValueError, match=message):
        gallery.put(entry(1, **bad))
    with pytest.raises(ValueError, match=message):
        gallery.replace([entry(5), entry(1, **bad)])

    assert gallery.keys() == {"t1"}
    assert subjects(gallery, unit(1, 1)[0]) == ["s1"]


def test_probes_of_another_shape_and_naive_times_are_refused():
    gallery = gallery_of(entry(1))

    with pytest.raises(ValueError, match=r"shape \(n, 16\), not \(16,\)"):
        gallery.nearest(unit(1, 1)[0], k=1, threshold=0.0, at=AT, venue="ven_a")
    with pytest.raises(ValueError, match="zone"):
        gallery.nearest(unit(1, 1), k=1, threshold=0.0, at=AT.replace(tzinfo=None), venue="ven_a")


def test_an_empty_gallery_and_no_probes_give_no_matches():
    assert gallery_of().nearest(unit(2, 1), k=1, threshold=0.0, at=AT, venue="ven_a") == [[], []]
    assert gallery_of(entry(1)).nearest(unit(0, 1), k=1, threshold=0.0, at=AT, venue="ven_a") == []


def test_neither_gallery_nor_entry_shows_a_vector():
    assert repr(gallery_of(entry(1))) == "Gallery('emb_0123456789abcdef', dimension=16, templates=1)"
    assert "vector" not in repr(entry(1))


def test_churn_does_not_grow_the_table():
    gallery = gallery_of()

    for number in range(2000):
        gallery.put(entry(number % 7, vector=unit(1, number)[0]))

    assert len(gallery) == 7
    assert len(gallery._table.rows) <= 257
    assert subjects(gallery, unit(1, 1999)[0])[0] == f"s{1999 % 7}"


def test_searches_beside_changes_never_name_a_stranger():
    lasting, vectors = entry(0), unit(200, 3)
    gallery, stop, wrong = gallery_of(lasting), threading.Event(), list[object]()

    def search() -> None:
        while not stop.is_set():
            found = gallery.nearest(lasting.vector[None], k=1, threshold=0.999, at=AT, venue="ven_a")[0]
            if [match.key for match in found] != ["t0"]:
                wrong.append(found)

    searcher = threading.Thread(target=search)
    searcher.start()
    for turn in range(10):
        for row, vector in enumerate(vectors):
            gallery.put(entry(1 + row, vector=vector))
        for row in range(len(vectors)):
            gallery.remove(f"t{1 + row}")
        assert len(gallery) == 1, turn
    stop.set()
    searcher.join()

    assert wrong == []


class GalleryMachine(RuleBasedStateMachine):
    """Any order of changes leaves the gallery equal to a plain dictionary of entries."""

    def __init__(self) -> None:
        super().__init__()
        self.gallery = gallery_of()
        self.expected: dict[str, Entry] = {}

    @rule(number=st.integers(0, 8), seed=st.integers(0, 50), until=moments, where=places)
    def put(self, number: int, seed: int, until: datetime | None, where: frozenset[str] | None) -> None:
        one = entry(number, subject=f"s{number % 3}", vector=unit(1, seed)[0], valid_until=until, venues=where)
        self.gallery.put(one)
        self.expected[one.key] = one

    @rule(number=st.integers(0, 8))
    def remove(self, number: int) -> None:
        assert self.gallery.remove(f"t{number}") is (self.expected.pop(f"t{number}", None) is not None)

    @rule(number=st.integers(0, 2))
    def remove_subject(self, number: int) -> None:
        kept = {key: one for key, one in self.expected.items() if one.subject != f"s{number}"}
        assert self.gallery.remove_subject(f"s{number}") == len(self.expected) - len(kept)
        self.expected = kept

    @invariant()
    def finds_what_a_dictionary_finds(self) -> None:
        probe = unit(1, 99)[0]
        for venue in VENUES:
            found = self.gallery.nearest(probe[None], k=9, threshold=-1.0, at=AT, venue=venue)[0]
            expected = brute_force(list(self.expected.values()), probe, 9, -1.0, AT, venue)
            assert {match.subject for match in found} == {self.expected[key].subject for key, _ in expected}
            np.testing.assert_allclose([match.score for match in found], [score for _, score in expected], atol=1e-6)


GalleryMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestGalleryMachine = GalleryMachine.TestCase
