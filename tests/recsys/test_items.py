"""Item-item weights come from the train part alone, and only where they help on the validation part."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recsys.features import Feature, FeatureSpec
from recsys.training.weighing import weigh

pytestmark = [pytest.mark.training]

PLACES, CREATIVES, RANK = 4, 13, 12
SPEC = FeatureSpec(
    (
        Feature("viewer", 801),
        Feature("creative", CREATIVES),
        Feature("category", 5),
        Feature("history_length", PLACES + 1),
        Feature("history_creative", CREATIVES, PLACES, table="creative"),
        Feature("history_category", 5, PLACES, table="category"),
    )
)
ENGAGED = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1], [1, 1, 0, 1]], dtype=np.float32)


def rows_of(engaged: list[tuple[int, int, int]], past: dict[int, list[int]]) -> Any:
    """Rows of (viewer, creative, label) and what viewers engaged with before; categories are 1 + creative % 4."""
    history = np.zeros((len(engaged), PLACES), dtype=np.int32)
    for row, (viewer, _, _) in enumerate(engaged):
        history[row, : len(past.get(viewer, []))] = past.get(viewer, [])
    viewer, creative, label = np.array(engaged, dtype=np.int32).T
    feeds = {
        "viewer": viewer[:, None],
        "creative": creative[:, None],
        "category": 1 + creative[:, None] % 4,
        "history_length": np.count_nonzero(history, axis=1)[:, None].astype(np.int32),
        "history_creative": history,
        "history_category": np.where(history > 0, 1 + history % 4, 0),
    }
    return SimpleNamespace(feeds=feeds, labels=label.astype(np.float32), tasks={}, stream=None, total=len(engaged))


def paired(viewers: range, random: np.random.Generator, *, noise: bool) -> Any:
    """Rows of people who engaged with one creative, and want its neighbour of a pair, or, with noise, anything."""
    rows, past = [], {}
    for viewer in viewers:
        liked = int(random.integers(1, CREATIVES))
        past[viewer] = [liked]
        for shown in random.integers(1, CREATIVES, 6).tolist():
            wanted = (shown - 1) // 2 == (liked - 1) // 2 and shown != liked
            rows.append((viewer, shown, int(random.random() < (0.3 if noise else 0.9 if wanted else 0.1))))
    return rows_of(rows, past)


def tied(network: Any) -> list[np.ndarray]:
    """The columns of both tables beside what is learnt: P, with a number more, and Q with what counting says."""
    width = 2 * (network.config.item_item + 1)
    return [network.get_layer(f"{name}_table").get_weights()[0][:, -width:] for name in ("creative", "category")]


@pytest.fixture(scope="module")
def related() -> Any:
    """Relate a network that has learnt nothing, its plain twin beside it, by what is planted and by noise."""
    from recsys.training.configuration import NetworkConfig
    from recsys.training.dataset import Split
    from recsys.training.items import relate, without
    from recsys.training.networks import build
    from recsys.training.tensorflow import seed_everything

    def call(*, noise: bool) -> tuple[Any, Any, Any]:
        random = np.random.default_rng(4)
        split = Split(*(paired(range(*each), random, noise=noise) for each in ((1, 401), (401, 601), (601, 800))))
        seed_everything(3)  # what it says by accident must not be worth subtracting
        network = build(NetworkConfig.of("dotdin", item_item=RANK, hidden=[8], width=4, narrow=4), SPEC, 3)
        plain = without(network)
        relate(network, plain, split)
        return network, plain, split

    return {noise: call(noise=noise) for noise in (False, True)}


def test_weights_between_creatives_are_regressions_on_all_others():
    from recsys.training.association import ease

    gram = ENGAGED.T @ ENGAGED
    for matrix in (csr_matrix(ENGAGED), csr_matrix(ENGAGED[:3])):
        found = ease(matrix, 2.0)
        gram = (matrix.T @ matrix).toarray()
        for one in range(4):
            others = [other for other in range(4) if other != one]
            ridge = np.linalg.solve(gram[np.ix_(others, others)] + 2 * np.eye(3), gram[others, one])
            np.testing.assert_allclose(found[others, one], ridge, rtol=1e-4, atol=1e-6)
        assert (np.diag(found) == 0).all()


def test_lift_counts_pairs_of_engagements_in_any_order():
    from recsys.training.association import lift

    # three engagements of one person, two with the first thing and one with the second: six ordered pairs
    found = lift(csr_matrix(np.array([[2, 1, 0]], dtype=np.float32)))

    expected = np.outer([4, 2, 0], [4, 2, 0]) / 6
    np.testing.assert_allclose(found, np.log(([[5, 5, 3], [5, 3, 3], [3, 3, 3]]) / (expected + 3)), rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(1, 16), st.integers(0, 2**31))
def test_a_reduced_product_is_exact_from_the_full_rank_on_and_never_further_off_with_more(size, rank, seed):
    from recsys.training.association import reduced

    weights = np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32)
    source, target = reduced(weights, rank)
    more = reduced(weights, rank + 1)

    assert source.shape == target.shape == (size, rank)
    off = np.abs(source @ target.T - weights)
    assert np.square(more[0] @ more[1].T - weights).sum() <= np.square(off).sum() + 1e-4
    if rank >= size:
        np.testing.assert_allclose(off, 0, atol=1e-4)


def test_large_catalogues_are_reduced_to_the_same():
    from recsys.training import association

    random = np.random.default_rng(2)
    weights = (random.normal(size=(association.EXACT + 8, 6)) @ random.normal(size=(6, association.EXACT + 8))).astype(
        np.float32
    )
    source, target = association.reduced(weights, 6)

    np.testing.assert_allclose(source @ target.T, weights, atol=1e-2)


def test_an_engagement_counts_once_whether_a_row_or_a_history_tells_of_it():
    from recsys.training.items import Engagements

    train = rows_of([(1, 2, 1), (1, 3, 0), (2, 2, 1), (0, 5, 1), (2, 2, 1)], {1: [6, 2], 0: [7]})
    found = {feature.table: Engagements.of(train, feature) for feature in SPEC.features if feature.table}

    assert sorted(zip(found["creative"].people, found["creative"].things, strict=True)) == [(1, 2), (1, 6), (2, 2)]
    assert sorted(zip(found["category"].people, found["category"].things, strict=True)) == [(1, 3), (1, 3), (2, 3)]
    np.testing.assert_array_equal(found["category"].matrix(np.array([2, 3])).toarray(), [[0, 2], [0, 1]])
    np.testing.assert_array_equal(found["creative"].frequent(), [2, 6])


def test_a_term_that_says_nothing_is_not_worth_having():
    random = np.random.default_rng(1)
    learnt, noise = random.normal(size=(2, 3_000))
    told = random.normal(size=3_000)
    labels = (random.random(3_000) < 1 / (1 + np.exp(-(0.5 * learnt + 0.8 * told - 1)))).astype(np.float32)

    alone = weigh(learnt, [], labels)
    both = weigh(learnt, [10 * told], labels)

    assert both.betters(alone)
    assert [both.slope, 10 * both.weights[0], both.intercept] == pytest.approx([0.5, 0.8, -1.0], abs=0.12)
    assert not weigh(learnt, [noise], labels).betters(alone)
    assert not weigh(learnt, [-told], labels).betters(alone)
    assert not weigh(learnt, [told, noise], labels).betters(both)


def test_what_people_want_together_is_found_and_ranks_better(related):
    from recsys.training.fit import log_loss, score

    network, plain, split = related[False]
    creatives, _ = tied(network)

    assert log_loss(split.test.labels, score(network, split.test)) < log_loss(
        split.test.labels, score(plain, split.test)
    )
    source, target = creatives[:, :RANK], creatives[:, RANK + 1 : -1]
    weights = source @ target.T
    pairs = [(one, 1 + (one - 1 ^ 1)) for one in range(1, CREATIVES)]
    others = [pair for pair in product(range(1, CREATIVES), repeat=2) if pair not in pairs and pair[0] != pair[1]]
    assert min(weights[pair] for pair in pairs) > max(weights[pair] for pair in others)
    assert (creatives[0] == 0).all()


def test_all_else_is_what_the_plain_network_has(related):
    network, plain, _ = related[False]

    for layer in plain.layers:
        if layer.name.endswith("_table"):
            wide, values = network.get_layer(layer.name).get_weights()[0], layer.get_weights()[0]
            np.testing.assert_array_equal(wide[:, : values.shape[1]], values)


def test_weights_that_do_not_help_stay_zeros_and_change_nothing(related):
    from recsys.training.fit import score

    network, plain, split = related[True]

    assert all((columns == 0).all() for columns in tied(network))
    np.testing.assert_array_equal(score(network, split.test), score(plain, split.test))


def test_nothing_later_than_the_train_part_is_looked_at(related):
    """Other later rows change what weights are worth, never which they are."""
    from recsys.training.items import relate

    network, plain, split = related[False]
    before, _ = tied(network)
    later = paired(range(601, 800), np.random.default_rng(9), noise=False)

    told = relate(network, plain, split._replace(validation=later))

    after, _ = tied(network)
    assert told.startswith("weights between ids of creative (12)")
    np.testing.assert_allclose(after[:, :RANK], before[:, :RANK], atol=1e-5)
    told_apart = np.abs(before[:, RANK + 1 : -1]) > 1e-3
    ratio = after[:, RANK + 1 : -1][told_apart] / before[:, RANK + 1 : -1][told_apart]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)


def test_a_log_without_histories_of_creatives_has_no_weights(related):
    from recsys.training.configuration import NetworkConfig
    from recsys.training.items import has_weights, rank_for
    from recsys.training.networks import build

    spec = FeatureSpec((Feature("viewer", 9), Feature("creative", 9)))

    assert not has_weights(build(NetworkConfig.of("deepfm", item_item=8), spec, 1))
    assert has_weights(related[False][0])
    assert not has_weights(related[False][1])
    assert rank_for(related[False][2].train) == CREATIVES - 1


def test_networks_of_several_machines_shards_or_noise_have_none():
    from recsys.training.configuration import NetworkConfig
    from recsys.training.errors import BadRequest
    from recsys.training.private.folded import build
    from recsys.training.unlearning.sharded import train_sharded

    config: Any = NetworkConfig.of("dotdin", item_item=8)

    with pytest.raises(BadRequest, match="item_item must be 0 here, got 8: they are made of what people did"):
        build(config, SPEC, 1)
    with pytest.raises(BadRequest, match="item_item must be 0 here, got 8"):
        train_sharded(config, SimpleNamespace(folder=None), SPEC, seed=1)  # type: ignore[arg-type]
