"""A coarse copy is off by what its bound says, whatever the vectors, and the scan adds up what the copy stands for."""

import os

import faiss
import numpy as np
import pytest

from faceid.search import nibbles
from faceid.search.nibbles import DEVIATIONS, Halves, Scan, packed, place, rotation_of
from faceid.search.snapshot import Snapshot

from .conftest import KINDS, Vectors, columns_of, drawn, unit


def coded(vectors: Vectors, rotation: Vectors) -> tuple[Halves, Vectors, np.ndarray, Vectors, Vectors]:
    halves, turned = Halves.of(vectors.shape[1]), vectors @ rotation
    codes = halves.encode(turned)
    return halves, turned, codes, *halves.measured(turned, codes)


def scan_of(halves: Halves, codes: np.ndarray) -> Scan:
    """Scan codes from a file of their own: the room for them, then the ids."""
    descriptor = os.memfd_create("codes")
    try:
        os.write(descriptor, packed(codes).tobytes() + np.arange(len(codes), dtype=np.int64).tobytes())
        return Scan(f"/proc/self/fd/{descriptor}", halves, (0, len(codes), len(codes)))
    finally:
        os.close(descriptor)


def test_every_rotation_is_another_one_and_keeps_every_angle():
    one, other = rotation_of(48), rotation_of(48)

    assert np.allclose(one @ one.T, np.eye(48), atol=1e-5)
    assert float(np.abs(one - other).max()) > 0.1


@pytest.mark.parametrize(("dimension", "numbers"), [(64, 1), (128, 1), (508, 1), (512, 2), (516, 1), (1024, 2)])
def test_wide_vectors_put_two_numbers_into_a_half_byte(dimension: int, numbers: int):
    halves = Halves.of(dimension)
    turned = unit(np.random.default_rng(1).standard_normal((200, dimension)))

    codes = halves.encode(turned)
    again = halves.encode(halves.decode(codes))

    assert (halves.numbers, codes.shape, int(codes.max())) == (numbers, (200, dimension // numbers), 15)
    assert np.array_equal(codes, again)


@pytest.mark.parametrize(
    ("kind", "dimension", "rotations"), [*((kind, 64, 20) for kind in KINDS), ("isotropic", 512, 2)]
)
def test_what_a_copy_is_off_by_has_the_deviation_that_the_bound_counts_in(kind: str, dimension: int, rotations: int):
    vectors, errors = drawn(kind, 400, dimension, 3), list[np.ndarray]()
    probes = unit(vectors[:20] + 0.8 * drawn("isotropic", 20, dimension, 4))
    exact = (probes @ vectors.T).astype(np.float64)
    for _ in range(rotations):
        rotation = rotation_of(dimension)
        halves, _, codes, kept, away = coded(vectors, rotation)
        sums = (probes @ rotation) @ halves.decode(codes).T
        deviation = np.sqrt(1 - exact**2) * away / np.sqrt(dimension - 1)
        errors.append((kept * exact - sums) / deviation)
    all_errors = np.array(errors)

    assert float(np.sqrt(np.mean(all_errors**2))) == pytest.approx(1.0, abs=0.1)
    assert abs(float(all_errors.mean())) < 0.15
    assert float(np.abs(all_errors).max()) < DEVIATIONS


def test_the_bound_of_many_rows_is_that_of_one():
    halves, turned, _, kept, away = coded(drawn("isotropic", 300, 128, 1), rotation_of(128))
    table = halves.table(turned[0])

    leasts = table.leasts(0.4, np.stack([kept, away], axis=1))

    for row in range(0, 300, 50):
        assert float(leasts[row]) == pytest.approx(table.least(0.4, float(kept[row]), float(away[row])), abs=1e-6)
    assert table.least(0.4, float(kept.min()), float(away.max())) <= float(leasts.min()) + 1e-6


@pytest.mark.parametrize("dimension", [64, 512])
def test_the_scan_finds_for_each_probe_what_adds_up_to_its_least(dimension: int):
    vectors = drawn("clustered", 960, dimension, 5)
    halves, turned, codes, _, _ = coded(vectors, rotation_of(dimension))
    scan, probes, leasts = scan_of(halves, codes), turned[[3, 500]], np.array([0.3, 0.6])

    found = scan.above(probes, leasts)

    for probe, least, (rows, sums) in zip(probes, leasts, found, strict=True):
        exact = halves.decode(codes) @ probe
        off = (halves.lookups / 2 + 1) / halves.table(probe).scale
        assert np.allclose(sums, exact[rows], atol=off)
        assert (
            set(np.flatnonzero(exact > least + off)) <= set(rows.tolist()) <= set(np.flatnonzero(exact > least - off))
        )
        [(alone, _)] = scan.above(probe[None], np.array([least]))
        assert set(alone.tolist()) == set(rows.tolist())


def test_a_scan_leaves_the_threads_of_faiss_as_they_were(monkeypatch: pytest.MonkeyPatch):
    halves, turned, codes, _, _ = coded(drawn("isotropic", 96, 64, 5), rotation_of(64))
    scan, set_to = scan_of(halves, codes), list[int]()
    monkeypatch.setattr(nibbles.faiss, "omp_set_num_threads", set_to.append)

    scan.above(turned[:2], np.array([0.5, 0.5]))

    assert set_to == [1, faiss.omp_get_max_threads()]


@pytest.mark.parametrize(
    ("probe", "threshold"),
    [
        (np.zeros(64), 0.4),
        (np.eye(64)[0], 0.05),
        (np.eye(64)[0], -0.3),
        (np.eye(64)[0], np.inf),
        (np.full(64, 9.0), 0.3),
    ],
)
def test_a_scan_that_would_overflow_or_rule_little_out_is_not_made(probe: Vectors, threshold: float):
    table = Halves.of(64).table(probe.astype(np.float32))

    assert not table.safe(threshold, 0.98, 0.15, 1.1)


def test_removing_a_wide_row_zeroes_its_half_bytes_and_no_others():
    columns = columns_of(drawn("isotropic", 70, 512, 2))
    snapshot = Snapshot.of(columns, contract="emb_test")
    row = snapshot.row("t000042")
    assert row is not None
    codes = snapshot._layout.sections["codes 0"].on(snapshot._view)
    before = codes.copy()

    snapshot.remove(row)

    assert codes.shape[1] == 256
    for other in range(70):
        block, byte, shift = place(other)
        now, was = (values[block, :, byte] >> shift & 15 for values in (codes, before))
        assert np.array_equal(now, np.zeros(256) if other == row else was)
