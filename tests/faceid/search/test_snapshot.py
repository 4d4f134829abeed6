"""What a snapshot finds is what comparing everything finds, whatever the vectors and whatever was removed."""

import itertools
import os
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceid.errors import SnapshotUnusable
from faceid.search import snapshot as snapshots
from faceid.search.columns import Columns
from faceid.search.hits import Hit, ordered
from faceid.search.layout import groups_of
from faceid.search.nibbles import place
from faceid.search.snapshot import Snapshot
from faceid.search.writing import write

from .conftest import KINDS, Vectors, columns_of, drawn, unit

AT = 1_000_000.0
VENUE = "ven_a"


def brute_force(
    columns: Columns, probe: Vectors, k: int, threshold: float, *, at: float = AT, venue: str = VENUE,
    removed: Sequence[int] = (),
) -> list[Hit]:  # fmt: skip
    """Search the slow and obvious way, in float64."""
    scores = np.einsum("ij,j->i", columns.vectors.astype(np.float64), probe.astype(np.float64))
    reach = np.array([area < 0 or venue in columns.venue_sets[area] for area in columns.areas.tolist()], dtype=bool)
    live = (columns.valid_until > at) & reach & (scores >= threshold)
    live[list(removed)] = False
    few = np.sort(scores[live])[-500:]
    live &= scores >= min(few, default=0.0)  # for speed alone: no test asks for 500 subjects
    return ordered(
        [
            Hit(float(scores[row]), columns.keys[row].decode(), columns.subjects[row].decode())
            for row in np.flatnonzero(live)
        ],
        k,
    )


def snapshot_of(columns: Columns, **about: int) -> Snapshot:
    return Snapshot.of(columns, contract="emb_test", **about)


def probes_for(vectors: Vectors, count: int, seed: int) -> Vectors:
    """Half the probes near somebody, half of them strangers."""
    random = np.random.default_rng(seed)
    noise = unit(random.standard_normal((count, vectors.shape[1])))
    near = vectors[random.integers(len(vectors), size=count)]
    return unit(near * (np.arange(count) % 2)[:, None] + noise)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(KINDS), count=st.integers(1, 700), dimension=st.sampled_from([2, 5, 8, 16, 30, 64]),
    seed=st.integers(0, 10_000), k=st.integers(1, 5), threshold=st.floats(-0.2, 0.98), probes=st.integers(1, 6),
)  # fmt: skip
def test_any_snapshot_finds_what_brute_force_finds(
    kind: str, count: int, dimension: int, seed: int, k: int, threshold: float, probes: int
):
    random = np.random.default_rng(seed)
    columns = columns_of(drawn(kind, count, dimension, seed), random.integers(0, count, size=count))
    sets = (frozenset({"ven_a"}), frozenset({"ven_b"}), frozenset({"ven_a", "ven_b"}), frozenset[str]())
    columns = Columns(
        columns.keys, columns.subjects, columns.vectors, random.choice([AT - 1, AT, AT + 1, np.inf], size=count),
        random.integers(-1, len(sets), size=count).astype(np.int32), sets,
    )  # fmt: skip
    snapshot = snapshot_of(columns)
    removed = random.choice(count, size=random.integers(0, count + 1), replace=False).tolist()
    for row in removed:
        found = snapshot.row(columns.keys[row].decode())
        assert found is not None
        snapshot.remove(found)
    looked = probes_for(columns.vectors, probes, seed)

    for venue in ("ven_a", "ven_elsewhere"):
        found = snapshot.nearest(looked, k, threshold, AT, venue)

        assert found == [brute_force(columns, one, k, threshold, venue=venue, removed=removed) for one in looked]


@pytest.mark.parametrize("count", [1, 4, 40])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6])
def test_a_large_snapshot_finds_what_brute_force_finds(kind: str, count: int, threshold: float):
    columns = columns_of(drawn(kind, 17_000, 32, 11))
    snapshot = snapshot_of(columns)
    probes = probes_for(columns.vectors, count, 12)

    found = snapshot.nearest(probes, 2, threshold, AT, VENUE)

    assert len(snapshot.header.groups) > 2
    assert found == [brute_force(columns, probe, 2, threshold) for probe in probes]


def test_scanning_and_multiplying_and_two_threads_agree(kind: str, monkeypatch: pytest.MonkeyPatch):
    columns = columns_of(drawn(kind, 15_000, 128, 5))
    one, two = snapshot_of(columns), snapshot_of(columns, threads=2)
    probes = probes_for(columns.vectors, 12, 6)
    monkeypatch.setattr(snapshots, "FEW_PROBES", len(probes))
    scanned = one.nearest(probes, 2, 0.365, AT, VENUE)
    monkeypatch.setattr(snapshots, "FEW_PROBES", 0)

    assert one.nearest(probes, 2, 0.365, AT, VENUE) == scanned
    assert two.nearest(probes, 2, 0.365, AT, VENUE) == scanned


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("few", [0, 12])
def test_near_ties_among_several_probes_and_threads_are_found_exactly(
    threads: int, few: int, kind: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(snapshots, "FEW_PROBES", few)
    columns = columns_of(drawn(kind, 17_000, 32, 7))
    snapshot = snapshot_of(columns, threads=threads)
    probes = probes_for(columns.vectors, 12, 8)

    assert snapshot.nearest(probes, 3, 0.3, AT, VENUE) == [brute_force(columns, probe, 3, 0.3) for probe in probes]


def test_no_group_keeps_a_thread_busy_while_the_others_wait():
    away = np.linspace(0.1, 0.2, 1_000_000, dtype=np.float32)
    groups = groups_of(1 - away, away)

    assert groups[0].start == 0
    assert groups[-1].stop == 1_000_000
    assert all(before.stop == after.start and after.start % 32 == 0 for before, after in itertools.pairwise(groups))
    assert max(group.stop - group.start for group in groups) <= 1_000_000 / 8
    assert groups[-1].stop - groups[-1].start <= 1_000_000 / 60
    assert len(groups) <= 12


def test_near_ties_come_in_their_true_order_and_ties_by_key():
    random = np.random.default_rng(3)
    person = unit(random.standard_normal((1, 64)))
    near = unit(person + 1e-5 * random.standard_normal((5_000, 64)))
    columns = columns_of(np.concatenate([near, near]))
    snapshot = snapshot_of(columns)

    for probes in (near[:2], near[:8]):
        found = snapshot.nearest(probes, 40, 0.9, AT, VENUE)

        assert found == [brute_force(columns, probe, 40, 0.9) for probe in probes]
        keys = [int(hit.key[1:]) for hit in found[0]]
        assert [key + 5_000 for key in keys[0::2]] == keys[1::2]


def test_a_threshold_that_somebody_just_reaches_finds_them():
    columns = columns_of(drawn("clustered", 9_000, 64, 8))
    snapshot = snapshot_of(columns)
    for row in range(0, 9_000, 450):
        probe = unit(columns.vectors[row : row + 1] + 0.5 * drawn("isotropic", 1, 64, row))
        [best] = brute_force(columns, probe[0], 1, -1.0)

        for above in (best.score, np.nextafter(best.score, 0), best.score - 1e-9):
            assert snapshot.nearest(probe, 1, float(above), AT, VENUE) == [[best]]
        assert snapshot.nearest(probe, 1, float(np.nextafter(best.score, 2)), AT, VENUE) == [[]]


@pytest.mark.parametrize("dimension", [257, 258, 320, 512])
def test_wide_vectors_are_searched_as_narrow_ones(dimension: int, monkeypatch: pytest.MonkeyPatch):
    columns = columns_of(drawn("clustered", 600, dimension, 4))
    snapshot = snapshot_of(columns)
    probes = probes_for(columns.vectors, 9, 5)
    for few in (0, len(probes)):
        monkeypatch.setattr(snapshots, "FEW_PROBES", few)

        assert snapshot.nearest(probes, 2, 0.3, AT, VENUE) == [brute_force(columns, probe, 2, 0.3) for probe in probes]


@pytest.mark.parametrize("probe", [np.zeros(16), np.full(16, 100.0), np.eye(16)[0], np.full(16, 1e-30)])
def test_odd_probes_find_what_brute_force_finds(probe: Vectors):
    columns = columns_of(drawn("isotropic", 5_000, 16, 1))
    probe = probe.astype(np.float32)

    assert snapshot_of(columns).nearest(probe[None], 3, 0.3, AT, VENUE) == [brute_force(columns, probe, 3, 0.3)]


def test_a_probe_that_is_no_number_matches_nobody():
    columns = columns_of(drawn("isotropic", 5_000, 16, 1))

    assert snapshot_of(columns).nearest(np.full((1, 16), np.nan, dtype=np.float32), 3, 0.3, AT, VENUE) == [[]]


def test_a_removed_row_is_overwritten_in_every_copy_and_its_neighbours_are_not():
    columns = columns_of(drawn("isotropic", 100, 32, 2))
    snapshot = snapshot_of(columns)
    row = snapshot.row("t000042")
    assert row is not None
    before = snapshot._view[:]

    snapshot.remove(row)

    after, changed = snapshot._view[:], 0
    assert not snapshot._vectors[row].any()
    assert not any(part[row].any() for part in snapshot._octets)
    assert snapshot._subjects[row] == b""
    block, byte, shift = place(row)
    codes = snapshot._layout.sections["codes 0"].on(snapshot._view)
    assert not (codes[block, :, byte] >> shift & 15).any()
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    assert changed <= 32 * 4 + 32 + 32 + 7 + 8 + 4
    others = [place(one) for one in range(100) if one != row]
    was = np.frombuffer(before, dtype=np.uint8)[snapshot._layout.sections["codes 0"].offset :][: codes.size]
    was = was.reshape(codes.shape)
    for block, byte, shift in others:
        assert np.array_equal(was[block, :, byte] >> shift & 15, codes[block, :, byte] >> shift & 15)


def test_removing_from_one_mapping_removes_from_all():
    columns = columns_of(drawn("isotropic", 300, 32, 2))
    first = snapshot_of(columns)
    second = Snapshot(first._descriptor)
    row = first.row("t000007")
    assert row is not None

    first.remove(row)
    first.remove(row)

    assert second.row("t000007") is None
    assert len(second) == 299
    assert second.keys() == {f"t{one:06}" for one in range(300)} - {"t000007"}
    assert second.nearest(columns.vectors[7:8], 1, 0.9, AT, VENUE) == [[]]


def test_columns_come_back_as_they_went_in():
    columns = columns_of(drawn("clustered", 500, 8, 2))
    snapshot = Snapshot.of(columns, contract="emb_test", stamp=(3, 4))

    back = snapshot.columns()

    for name in ("keys", "subjects", "vectors", "valid_until", "areas"):
        assert np.array_equal(getattr(back, name), getattr(columns, name)), name
    assert (snapshot.header.contract, snapshot.header.stamp) == ("emb_test", (3, 4))
    assert repr(snapshot) == "Snapshot('emb_test', rows=500, stamp=(3, 4))"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": np.ones((3, 4), dtype=np.float32)}, "unit vector"),
        ({"vectors": np.full((3, 4), np.nan, dtype=np.float32)}, "unit vector"),
        ({"keys": np.array([b"a", b"a", b"b"])}, "twice"),
        ({"areas": np.zeros(2, dtype=np.int32)}, "one length"),
    ],
)
def test_columns_that_no_gallery_may_hold_are_refused(change: dict[str, Vectors], message: str):
    good = columns_of(drawn("isotropic", 3, 4, 1))
    fields = {name: getattr(good, name) for name in good.__dataclass_fields__}

    with pytest.raises(ValueError, match=message):
        snapshot_of(Columns(**(fields | change)))


def test_no_rows_make_no_snapshot():
    with pytest.raises(ValueError, match="at least one row"):
        snapshot_of(columns_of(np.empty((0, 8), dtype=np.float32)))


@pytest.mark.parametrize(
    "damage", [b"", b"VGS3", b"{}" * 100, b"VGS3" + (2).to_bytes(8, "little") + b"{}", "cut", "header"]
)
def test_a_file_that_is_no_snapshot_is_refused(damage: bytes | str):
    descriptor = os.memfd_create("test")
    if isinstance(damage, bytes):
        os.write(descriptor, damage)
    else:
        write(columns_of(drawn("isotropic", 50, 8, 1)), descriptor, contract="c")
        size = os.fstat(descriptor).st_size
        os.ftruncate(descriptor, size - 64) if damage == "cut" else os.pwrite(descriptor, b"\xff" * 20, 12)
    with pytest.raises(SnapshotUnusable):
        Snapshot(descriptor)
    os.close(descriptor)


def test_searches_beside_removals_never_name_who_was_removed_before_they_began():
    columns = columns_of(drawn("isotropic", 6_000, 32, 2))
    snapshot, stop, wrong = snapshot_of(columns), threading.Event(), list[object]()
    removed: list[int] = []

    def search() -> None:
        while not stop.is_set():
            gone = removed[:]
            rows = [5_999, *gone[-3:]]
            for row, found in zip(rows, snapshot.nearest(columns.vectors[rows], 1, 0.99, AT, VENUE), strict=True):
                if [hit.key for hit in found] != ([f"t{row:06}"] if row == 5_999 else []):
                    wrong.append(found)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for row in range(400):
        found = snapshot.row(f"t{row:06}")
        assert found is not None
        snapshot.remove(found)
        removed.append(row)
    stop.set()
    for thread in threads:
        thread.join()

    assert wrong == []
