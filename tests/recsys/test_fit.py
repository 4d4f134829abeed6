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
