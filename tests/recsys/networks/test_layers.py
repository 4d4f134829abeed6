"""Layers that leave units out while training, and nothing while serving."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [pytest.mark.training]


def thinned(rate, *, units=33, training=True, rows=4_000):
    from recsys.training.networks.layers import Dropout
    from recsys.training.tensorflow import keras, tf

    keras.utils.set_random_seed(3)
    return Dropout(rate)(tf.ones((rows, units)), training=training).numpy()


@pytest.mark.parametrize(("rate", "share"), [(0.2, 51 / 256), (0.5, 0.5), (0.9, 230 / 256)])
def test_a_share_of_units_is_left_out_and_the_others_make_up_for_it(rate, share):
    found = thinned(rate)

    assert (found == 0).mean() == pytest.approx(share, abs=0.005)
    np.testing.assert_allclose(found[found > 0], 1 / (1 - share), rtol=1e-6)
    assert found.mean() == pytest.approx(1.0, abs=0.05)


def test_units_are_left_out_independently_of_each_other():
    gone = thinned(0.5) == 0

    np.testing.assert_allclose(np.corrcoef(gone.T) - np.eye(33), 0.0, atol=0.09)
    assert not (gone[0] == gone[1]).all()


def test_nothing_is_left_out_while_serving_or_at_a_rate_of_zero():
    assert (thinned(0.5, training=False) == 1).all()
    assert (thinned(0.0) == 1).all()


def test_the_same_seed_leaves_out_the_same():
    np.testing.assert_array_equal(thinned(0.5), thinned(0.5))


def test_linear_weights_and_factors_are_taken_apart_without_slices():
    """The gradient of a slice costs five times that of a split, and a step is full of them."""
    from recsys.training.networks.machines import split
    from recsys.training.tensorflow import tf

    weights, factors = split(tf.constant([[[1.0, 2.0, 3.0]]]))

    np.testing.assert_array_equal(weights, [[[1.0]]])
    np.testing.assert_array_equal(factors, [[[2.0, 3.0]]])
