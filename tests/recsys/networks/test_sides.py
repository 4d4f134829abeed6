"""What is left out of a viewer's side while training, and nothing while serving."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.features import Feature, FeatureSpec

pytestmark = [pytest.mark.training]

ROWS = 4_000


def omitted(rate, *, training=True, features=3, width=4):
    from recsys.training.networks.sides import Omit
    from recsys.training.tensorflow import keras, tf

    keras.utils.set_random_seed(3)
    return np.stack([each.numpy() for each in Omit(rate)([tf.ones((ROWS, 1, width))] * features, training=training)])


def test_whole_vectors_are_left_out_and_the_others_make_up_for_it():
    found = omitted(0.3)

    assert set(np.unique(found.round(5))) == {0.0, np.float32(1 / 0.7).round(5)}
    assert (found == found[..., :1]).all()
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), 1.0, atol=0.06)


def test_each_feature_is_left_out_by_itself():
    gone = omitted(0.5)[:, :, 0, 0] == 0

    np.testing.assert_allclose(np.corrcoef(gone) - np.eye(3), 0.0, atol=0.06)


def test_nothing_is_left_out_while_serving():
    assert (omitted(0.9, training=False) == 1).all()


@pytest.fixture(scope="module")
def told_apart():
    """What a network's scores vary with while it trains: each of its features once."""
    from recsys.training.configuration import NetworkConfig
    from recsys.training.networks import build
    from recsys.training.tensorflow import tf

    spec = FeatureSpec((Feature("viewer", 9), Feature("hour", 24), Feature("creative", 9)))

    def spread(**rates):
        network = build(NetworkConfig.of("logistic", spread=1.0, penalty=0.0, **rates), spec, 5)
        rows = {name: tf.fill((ROWS, 1), 3) for name in spec.names}
        return len(np.unique(network(rows, training=True).numpy()))

    return spread


def test_moments_are_left_out_and_creatives_never(told_apart):
    assert told_apart(forgetting=0.0, omission=0.0) == 1
    assert told_apart(forgetting=0.0, omission=0.5) == 2


def test_who_it_is_is_forgotten_at_a_rate_of_its_own(told_apart):
    assert told_apart(forgetting=0.5, omission=0.0) == 2
    assert told_apart(forgetting=0.5, omission=0.5) == 4
