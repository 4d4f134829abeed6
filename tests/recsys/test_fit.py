"""Small logs get the steps they need."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [pytest.mark.training]


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs", "patience"),
    [(40, 32, 40, 8), (2_000, 32, 15, 8), (6_300, 98, 15, 8), (25_000, 390, 15, 4), (91_000, 1_024, 11, 2)],
)
def test_a_log_is_gone_through_in_steps_that_suit_its_size(rows, batch_size, epochs, patience):
    from recsys.training.fit import Schedule, schedule

    assert schedule(rows, 1_024) == Schedule(batch_size, epochs, patience)


def test_passes_and_rows_asked_for_are_never_exceeded():
    from recsys.training.fit import schedule

    plan = schedule(500, 16, epochs=3)

    assert (plan.batch_size, plan.epochs) == (16, 3)


def test_training_begins_at_the_base_rate(planted):
    from recsys.features import DEFAULT_SPEC
    from recsys.training.dataset import read_dataset, split_by_time
    from recsys.training.fit import begin_at_base_rate, score
    from recsys.training.networks import build

    split = split_by_time(read_dataset(planted.path, max_rows=1_000))
    network = build("din", DEFAULT_SPEC, 4)

    begin_at_base_rate(network, split.train)

    np.testing.assert_allclose(score(network, split.test), split.train.labels.mean(), atol=5e-3)


class Weights:
    """A network of one number."""

    def __init__(self):
        self.number = 0.0

    def get_weights(self):
        return [np.array([self.number], dtype=np.float32)]

    def set_weights(self, weights):
        self.number = float(weights[0][0])


def test_passes_are_averaged_and_the_newer_ones_count_more():
    from recsys.training.fit import Average

    network, found = Weights(), []
    average = Average(network)
    for number in (1.0, 2.0, 4.0):
        network.number = number
        with average.in_place():
            found.append(network.number)

    assert found == pytest.approx([1.0, (0.6 * 1 + 2) / 1.6, (0.36 * 1 + 0.6 * 2 + 4) / 1.96])


def test_learning_goes_on_from_the_newest_pass_and_not_from_the_average():
    from recsys.training.fit import Average

    network = Weights()
    average = Average(network)
    for number in (1.0, 3.0):
        network.number = number
        with average.in_place():
            pass

    assert network.number == 3.0
