import numpy as np
import pytest

from faceid.search.bench import THRESHOLD, columns_of, gallery_rows, probes_of, templates, threaded_rows


def test_every_way_of_asking_is_measured_and_recalls_everything():
    rows = list(gallery_rows(17_000, 16, batches=(1, 4), rounds=2))

    assert [(row.data, row.shows, row.probes) for row in rows] == [
        (data, shows, probes)
        for data in ("isotropic", "clustered") for shows in ("strangers", "members") for probes in (1, 4)
    ]  # fmt: skip
    assert {row.recall for row in rows} == {1.0}
    assert all(row.times == row.plain / row.ours > 0 for row in rows)
    assert all(row.times_at_best == row.plain_least / row.ours_least > 0 for row in rows)
    assert all(row.plain_least <= row.plain and row.ours_least <= row.ours for row in rows)


def test_two_threads_are_measured_in_a_process_where_numpy_has_two():
    rows = threaded_rows(17_000, 16, threads=2, batches=(1,), rounds=1, data=["isotropic"])

    assert [(row.threads, row.probes, row.recall) for row in rows] == [(2, 1, 1.0), (2, 1, 1.0)]


def test_clustered_strangers_are_as_near_as_real_ones():
    drawn = templates("clustered", 2_000, 128, np.random.default_rng(1))
    scores = (drawn @ drawn.T)[np.triu_indices(2_000, 1)]

    assert float(scores.mean()) == pytest.approx(0.09, abs=0.01)
    assert float(scores.std()) == pytest.approx(0.09, abs=0.01)


@pytest.mark.parametrize("kind", ["isotropic", "clustered"])
def test_members_resemble_their_templates_and_strangers_nobody(kind: str):
    random = np.random.default_rng(1)
    vectors = templates(kind, 300, 128, random)

    members, strangers = (probes_of(kind, vectors, shows, 300, random) for shows in (True, False))

    assert float(np.einsum("ij,ij->i", members, vectors).min()) > THRESHOLD
    assert float(np.einsum("ij,ij->i", strangers, vectors).mean()) < 0.15


def test_columns_name_their_rows():
    columns = columns_of(templates("isotropic", 11, 8, np.random.default_rng(1)))

    assert columns.keys[[0, 10]].tolist() == [b"t0", b"t10"]
    assert columns.entry(10).valid_until is None
