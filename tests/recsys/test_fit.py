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


def long_log(monkeypatch, better):
    """A log that counts as long, from which a network learns better at one pace; its weights then tell the pace."""
    from recsys.training import fit
    from recsys.training.networks import build
    from recsys.training.synthetic import planted, specification

    spec = specification(211, histories=False)
    learnt = []

    def learn(network, split, plan, tell):
        learnt.append((network.config, [each.copy() for each in network.get_weights()]))
        network.set_weights([each + {"tried": 1, "swift": 2}[network.config.pace] for each in network.get_weights()])
        tell(1, losses := 0.5 if network.config.pace == better else 0.6)
        return [losses]

    monkeypatch.setattr(fit, "LONG_LOG", 2_000)
    monkeypatch.setattr(fit, "_learn", learn)
    return build("deepfm", spec, 4), planted(spec, (2_000, 100, 100), seed=1), learnt


@pytest.mark.parametrize(("better", "pace", "added"), [("tried", "steady", 1), ("swift", "swift", 2)])
def test_from_a_long_log_a_network_learns_at_both_paces_and_keeps_the_better(monkeypatch, better, pace, added):
    from recsys.training import fit

    network, split, learnt = long_log(monkeypatch, better)
    told = []
    losses = fit.fit(network, split, stage="deepfm", epochs=1, batch_size=512, watch=lambda *each: told.append(each))

    (first, start), (second, again) = learnt
    assert [first.omission, second.omission] == [0.5, fit.SWIFT_OMISSION]
    for one, other, found in zip(start, again, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(found, one + added)
    assert losses == [0.5]
    assert network.config.pace == pace
    assert [number for number, _ in told] == [1, 2]


def test_a_short_log_and_a_pace_that_was_asked_for_are_learnt_from_once(monkeypatch):
    from dataclasses import replace

    from recsys.training import fit

    network, split, learnt = long_log(monkeypatch, "swift")
    fit.fit(network, split._replace(train=split.train.take(np.arange(1_999))), stage="", epochs=1, batch_size=512)
    network.config = replace(network.config, pace="swift")
    fit.fit(network, split, stage="", epochs=1, batch_size=512)

    assert [config.pace for config, _ in learnt] == ["tried", "swift"]


def test_a_network_learns_swiftly_and_its_twin_with_room_for_weights_says_so(monkeypatch):
    """Really: many rows of a few ids each, and a pace that was asked for."""
    from recsys.training import fit
    from recsys.training.configuration import NetworkConfig
    from recsys.training.networks import build
    from recsys.training.synthetic import planted, specification

    spec = specification(5_003, histories=True)
    network = build(NetworkConfig.of("dotdin", item_item=4, pace="swift"), spec, 4)
    start = network.get_layer("viewer_table").get_weights()[0]
    split = planted(spec, (2_000, 400, 100), seed=1)

    fit.fit(network, split, stage="", epochs=1, batch_size=512)

    moved = np.abs(network.get_layer("viewer_table").get_weights()[0] - start).max(axis=1)
    assert set(np.flatnonzero(moved)) <= {0, *split.train.feeds["viewer"].ravel()}
    assert moved.max() > 0.015  # Adam's four steps would be 0.004
    assert (network.config.pace, network.config.item_item) == ("swift", 4)
