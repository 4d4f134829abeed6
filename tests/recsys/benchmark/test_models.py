"""Peers against values computed by hand, and against each other on a planted taste."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from recsys.benchmark.log import Log
from recsys.benchmark.models import MODELS
from recsys.benchmark.models.ease import Ease, ease_weights
from recsys.benchmark.models.factors import fold_in
from recsys.benchmark.models.networks import feeds, specification
from recsys.benchmark.prepared import Prepared
from recsys.benchmark.preparing import prepare
from recsys.benchmark.splitting import Parts, split
from recsys.benchmark.trial import run
from recsys.commands import benchmark
from recsys.training.metrics import auc

LIKES = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [1, 0, 0]], dtype=np.float32)


def tiny(labels: tuple[int, ...] = (1, 1, 0, 1, 0, 1)) -> Prepared:
    """Six rows learnt from, of users 0 and 1 and items 0 to 2, then two rows of each later part."""
    user = np.array([0, 0, 0, 1, 1, 1, 0, 1, 0, 1])
    item = np.array([0, 1, 2, 0, 1, 0, 2, 1, 2, 2])
    log = Log("tiny", user, item, np.array([*labels, 0, 1, 1, 0], dtype=np.float32), np.arange(10), (), calendar=False)
    return prepare(log, Parts(np.arange(6), np.arange(6, 8), np.arange(8, 10)), histories=True)


@pytest.fixture(scope="module")
def planted(planted_log: Log) -> Prepared:
    return prepare(planted_log, split(planted_log, "global"), histories=True)


def test_ease_is_the_closed_form_of_the_regression_without_self_weights():
    gram = LIKES.T @ LIKES
    weights = ease_weights(gram, 2.0)

    for item in range(3):  # ridge regression of each column on the others, Steck 2019, section 3.1
        others = [other for other in range(3) if other != item]
        ridge = np.linalg.solve(gram[np.ix_(others, others)] + 2 * np.eye(2), gram[others, item])
        assert_allclose(weights[others, item], ridge, rtol=1e-5)
    assert_allclose(np.diag(weights), 0)


def test_ease_of_two_items_by_hand():
    # gram [[2, 1], [1, 1]], penalty 1: regressing one item on the other gives 1 / (1 + 1) and 1 / (2 + 1)
    assert_allclose(
        ease_weights(np.array([[2, 1], [1, 1]], dtype=np.float32), 1.0), [[0, 1 / 3], [1 / 2, 0]], rtol=1e-6
    )


def test_ease_adds_up_the_weights_of_what_was_liked():
    data, model = tiny(), Ease()
    model.weights = np.array([[0, 1, 10], [2, 0, 20], [3, 4, 0]], dtype=np.float32)
    model.places = np.arange(3)

    # user 0 likes items 0 and 1 before row 8, user 1 likes items 0, 0 and 1 before row 9
    assert model.score(data, data.test).tolist() == [10 + 20, 10 + 10 + 20]


def test_item_rates_by_hand():
    model = MODELS["item-rate"]()
    data = tiny()
    model.fit(data, seed=0, say=lambda sentence: None)

    # item 2: no like of one row, drawn to the base rate of 4/6 by twenty rows
    assert_allclose(model.score(data, data.test), [(20 * 4 / 6) / 21] * 2)
    assert_allclose(model.score(data, data.train)[:2], [(3 + 20 * 4 / 6) / 23, (1 + 20 * 4 / 6) / 22])


def test_popularity_counts_likes_of_the_train_part():
    model = MODELS["popularity"]()
    data = tiny()
    model.fit(data, seed=0, say=lambda sentence: None)

    assert_allclose(np.expm1(model.score(data, data.train)), [3, 1, 0, 3, 1, 3])


def test_item_neighbours_by_hand():
    # user 0 likes items 0 and 1, user 1 likes item 0: cosine 1 / sqrt(2 x 1); by tf-idf item 0 weighs nothing
    data = tiny(labels=(1, 1, 0, 1, 0, 0))
    model = MODELS["item-knn"]()
    model.fit(data, seed=0, say=lambda sentence: None)

    similarity = model.similarity.toarray()
    assert_allclose(similarity, [[1, 1 / np.sqrt(2), 0], [1 / np.sqrt(2), 1, 0], [0, 0, 0]], rtol=1e-6)
    # row 6 is item 2 for user 0, row 7 is item 1 for user 1, who liked item 0
    assert_allclose(model.score(data, data.validation), [0, 1 / np.sqrt(2)], rtol=1e-6)


def test_folding_in_agrees_with_the_library():
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(factors=2, regularization=0.1, alpha=5.0, num_threads=1, random_state=1)
        model.fit(csr_matrix(LIKES), show_progress=False)
    vectors = model.item_factors.astype(np.float64)

    theirs = model.recalculate_user(0, csr_matrix(LIKES)[0])

    assert_allclose(fold_in(vectors[[0, 1]], vectors.T @ vectors, 5.0), np.ravel(theirs), rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "at_least"),
    [("item-knn", 0.7), ("als", 0.7), ("ease", 0.7), ("lightgbm", 0.75)],
)
def test_peers_learn_a_planted_taste(planted: Prepared, name: str, at_least: float):
    outcome, scores = run(name, planted, [3])

    (trial,) = outcome.trials
    assert trial.auc == auc(planted.test.labels, scores)
    assert trial.auc > at_least
    assert trial.gauc is not None
    assert 0 < trial.log_loss < 0.72
    assert 0 < trial.coverage <= 1


def test_logistic_regression_learns_what_one_column_tells(planted_log: Log):
    kind = next(column.codes for column in planted_log.columns if column.name == "kind")
    log = replace(planted_log, labels=(kind == 1).astype(np.float32))

    outcome, _ = run("logistic", prepare(log, split(log, "user"), histories=False), [3])

    assert outcome.trials[0].auc == pytest.approx(1.0)
    assert outcome.trials[0].log_loss < 0.05


@pytest.mark.parametrize("name", ["als", "lightgbm"])
def test_a_seed_gives_the_same_figures_again(planted: Prepared, name: str):
    (one, first), (two, second) = (run(name, planted, [3]) for _ in range(2))

    assert_allclose(first, second, rtol=1e-5)
    assert one.trials[0].auc == pytest.approx(two.trials[0].auc)


def test_models_without_a_seed_are_trained_once(planted: Prepared):
    assert len(run("popularity", planted, [1, 2, 3])[0].trials) == 1
    assert len(run("als", planted, [1, 2])[0].trials) == 2


@pytest.mark.training
def test_our_network_learns_a_planted_taste(planted: Prepared):
    outcome, _ = run("deepfm", planted, [3])

    assert outcome.ours
    assert outcome.trials[0].auc > 0.75


def test_networks_see_the_products_kind_of_features(planted: Prepared):
    spec = specification(planted)
    laid = feeds(planted, planted.test)

    assert spec.names[:2] == ("viewer", "creative")
    assert spec.histories[0] == "history_creative"
    assert set(laid) == set(spec.names)
    for feature in spec.features:
        assert laid[feature.name].shape == (len(planted.test), feature.length)
        assert 0 <= laid[feature.name].min() <= laid[feature.name].max() < feature.size


def test_collaborative_models_say_why_they_are_left_out(planted_log: Log):
    nobody = np.full(len(planted_log), -1)
    log = Log("x", nobody, nobody, planted_log.labels, planted_log.at, planted_log.columns)
    data = prepare(log, split(log, "global"), histories=True)

    reasons = {name: kind().unfit(data) for name, kind in MODELS.items()}

    assert {name for name, reason in reasons.items() if reason is None} == {
        "fm", "deepfm", "fwfm", "dcn", "tuned", "logistic", "lightgbm",
    }  # fmt: skip
    assert reasons["din"] == "attends to histories, and there are none"
    assert run("ease", data, [1])[0].skipped == "no user of the train part liked an item"


def test_the_command_offers_every_model():
    assert tuple(MODELS) == benchmark.MODELS
