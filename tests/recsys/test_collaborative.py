"""Collaborative filtering places people near what those like them engaged with."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.features import DEFAULT_SPEC, Behaviour, Context, Item, Viewer, encode_items, specify
from recsys.serving.calibration import Calibration
from recsys.serving.metadata import ModelMetadata
from recsys.serving.retrieval import Towers
from recsys.training.dataset import read_dataset, split_by_time

pytestmark = [pytest.mark.training]

SPEC = specify(viewers=101, creatives=509, categories=11, advertisers=11, screens=11, venues=11, history=8)
ELSEWHERE = Context("new screen", "new venue", "new", "new", hour=9, weekday=4, party=1)


@pytest.fixture(scope="module", params=["factors", "neighbours"])
def retrieved(request, planted, tmp_path_factory):
    from recsys.training.retrieval import towers, train_retrieval

    split = split_by_time(read_dataset(planted.path, spec=SPEC, max_rows=6_000))
    folder = tmp_path_factory.mktemp(request.param)
    metadata = ModelMetadata("x", SPEC.digest, "data", "now", Calibration())
    report = train_retrieval(split, SPEC, seed=1, metadata=metadata, output=folder, kind=request.param)
    return report, Towers.open(towers(report, folder), SPEC)


def test_it_finds_more_than_popularity_does(retrieved):
    report, _ = retrieved

    assert report.recall > report.popularity_recall + 0.1
    assert max(report.viewer_tower.parity, report.creative_tower.parity) <= 1e-5


def test_a_stranger_is_placed_by_what_they_engaged_with(retrieved, lover_of):
    _, towers = retrieved
    catalogue = encode_items([Item(f"creative-{n}", lover_of.categories[n % 6]) for n in range(60)], SPEC)
    viewer = Viewer("never seen", lover_of("books")[:8])

    nearest = towers.nearest(ELSEWHERE, [viewer], catalogue, np.arange(60), 8)

    assert [lover_of.categories[place % 6] for place in nearest].count("books") >= 7


def test_nobody_in_particular_is_placed_nowhere(retrieved):
    _, towers = retrieved

    assert not towers.place_viewers(ELSEWHERE, [Viewer(), Viewer("somebody")]).any()
    known = towers.place_viewers(ELSEWHERE, [Viewer(history=(Behaviour("creative-1", "coffee"),))])
    assert known.any()


def test_the_average_viewer_is_folded_in_as_the_equations_say():
    """With everybody engaged with the same three creatives, the average viewer is each of them."""
    from recsys.training.collaborative import CONFIDENCE, PENALTY, folding

    random = np.random.default_rng(0)
    items = random.normal(size=(40, 6)).astype(np.float32) / 3
    often = np.zeros(40)
    often[[4, 9, 30]] = 1

    found = items[[4, 9, 30]].sum(axis=0) @ folding(items, often)

    liked = items[[4, 9, 30]].astype(np.float64)
    matrix = items.T @ items + (CONFIDENCE - 1) * liked.T @ liked + PENALTY * np.eye(6)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, CONFIDENCE * liked.sum(axis=0)), atol=1e-5)


def test_only_people_with_a_name_count_and_each_once(planted):
    from recsys.training.collaborative import engagements

    examples = read_dataset(planted.path, max_rows=400)
    rows = planted.rows[-400:]

    found = engagements(examples, DEFAULT_SPEC)

    told = {(row["viewer"], name) for row in rows if row["viewer"] for name in row["history_creatives"][:50]}
    told |= {(row["viewer"], row["creative"]) for row in rows if row["viewer"] and row["label"]}
    assert set(np.unique(found.data)) == {1.0}
    assert found.nnz == len(told)


def test_what_the_same_people_engaged_with_is_similar_and_nothing_to_itself():
    from scipy.sparse import csr_matrix

    from recsys.training.collaborative import similarities

    matrix = csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0]], dtype=np.float32))

    found = similarities(matrix).toarray()

    assert found[0, 1] == pytest.approx(2 / np.sqrt(3 * 2), abs=1e-5)
    assert found[2, 3] == pytest.approx(1, abs=1e-5)
    assert (found[0, 2], found[1, 3]) == (0, 0)
    assert not np.diag(found).any()
