"""Policies learnt from a log of slates, and the command that compares them where the truth is known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from recsys.__main__ import main
from recsys.benchmark import policies
from recsys.benchmark.world import Shape, World
from recsys.training.slate import Fitting, Logged, Objective, fit_policy

pytestmark = pytest.mark.training

SHAPE = Shape(creatives=12, categories=6, people=60, places=2, fresh=0, weariness=4.0)


@pytest.fixture(scope="module")
def world() -> World:
    return World(SHAPE, 5)


@pytest.fixture(scope="module")
def log(world):
    return policies.write_log(world, 4000, np.random.default_rng(0))


@pytest.fixture(scope="module")
def logged(world, log) -> Logged:
    return Logged(world.history[log.people], log.slates, log.propensities, log.rewards)


@pytest.fixture(scope="module")
def fitted(world, logged):
    how = Fitting(epochs=8)
    return {one: fit_policy(logged, world.category, one, seed=1, how=how) for one in Objective}


def worth(world, slates) -> float:
    return float(world.chances(np.arange(60), slates).sum(axis=1).mean())


def test_the_logs_propensities_are_those_of_what_was_drawn(world, log):
    assert all(len(set(slate)) == 2 for slate in log.slates.tolist())
    first = np.bincount(log.slates[:, 0], minlength=12) / len(log)
    for creative in range(12):
        (propensity,) = set(np.round(log.propensities[log.slates[:, 0] == creative, 0], 12))
        assert first[creative] == pytest.approx(propensity, abs=4.5 * (propensity / len(log)) ** 0.5)


@pytest.mark.parametrize("objective", list(Objective))
def test_every_objective_learns_more_than_the_log_knew(world, log, fitted, objective):
    slates = fitted[objective].fill(world.history)

    assert all(len(set(slate)) == 2 for slate in slates.tolist())
    assert worth(world, slates) > 1.05 * world.chances(log.people, log.slates).sum(axis=1).mean()


def test_those_who_know_the_slate_repeat_categories_less(world, fitted):
    def repeats(objective: Objective) -> float:
        categories = world.category[fitted[objective].fill(world.history)]
        return float((categories[:, 0] == categories[:, 1]).mean())

    for aware in (Objective.SLATE_CLICKS, Objective.SEQUENTIAL):
        assert repeats(aware) < repeats(Objective.CLICKS)


def test_off_policy_correction_undoes_what_the_log_preferred():
    """The best creative was rarely shown: without weights, what is good and shown often would win over it."""
    random, shares = np.random.default_rng(0), np.array([0.85, 0.05, 0.10])
    shown = random.choice(3, 4000, p=shares)
    rewards = (random.random(4000) < np.array([0.6, 0.9, 0.1])[shown]).astype(float)[:, None]

    def best(propensities: np.ndarray) -> int:
        log = Logged(np.ones((4000, 1)), shown[:, None], propensities[:, None], rewards)
        policy = fit_policy(log, np.zeros(3, dtype=np.int64), Objective.SEQUENTIAL, seed=0, how=Fitting(epochs=2))
        return int(policy.fill(np.ones((1, 1)))[0, 0])

    assert best(shares[shown]) == 1
    assert best(np.full(4000, 1 / 3)) == 0


def test_the_same_seed_fits_the_same_policy(world, logged):
    how = Fitting(epochs=1)
    one, other = (fit_policy(logged, world.category, Objective.SEQUENTIAL, seed=4, how=how) for _ in range(2))

    empty = np.empty((60, 0), dtype=np.int64)
    np.testing.assert_allclose(one.scores(world.history, empty), other.scores(world.history, empty), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"slates": np.empty((0, 2), dtype=np.int64)}, "of one shape"),
        ({"rewards": np.zeros((4, 3))}, "of one shape"),
        ({"history": np.zeros((3, 2))}, "history of its viewer"),
        ({"slates": np.full((4, 2), 9)}, "from 0 to 2"),
        ({"propensities": np.zeros((4, 2))}, "above 0"),
    ],
)
def test_a_log_that_cannot_be_learnt_from_is_refused(change, says):
    good = Logged(np.zeros((4, 2)), np.zeros((4, 2), dtype=np.int64), np.full((4, 2), 0.5), np.zeros((4, 2)))

    with pytest.raises(ValueError, match=says):
        fit_policy(replace(good, **change), np.zeros(3, dtype=np.int64), Objective.CLICKS, seed=0)


def test_the_command_prints_every_policy_and_writes_the_report(tmp_path, capsys):
    out = tmp_path / "bench.json"

    status = main([
        "policy-bench", "--seeds", "1", "--decisions", "600", "--rounds", "2", "--round-size", "30",
        "--creatives", "12", "--fresh", "2", "--json", str(out),
    ])  # fmt: skip

    told = {one["policy"]: one for one in json.loads(out.read_text())["policies"]}
    assert status == 0
    assert set(told) == {
        "logging policy", "greedy ranker", "slate-clicks", "reinforce top-k", "reinforce sequential", "production rule",
        "head: thompson", "head: linucb", "head: mean", "tastes known",
    }  # fmt: skip
    assert told["tastes known"]["value"] == max(one["value"] for one in told.values())
    assert told["greedy ranker"]["over_greedy"] == 0
    assert "over the greedy ranker" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["--seeds", "0"], ["--creatives", "5", "--fresh", "4"], ["--json", "nowhere/bench.json"]]
)
def test_a_simulation_of_nothing_is_refused(capsys, arguments):
    assert main(["policy-bench", *arguments]) == 1
    assert capsys.readouterr().err.startswith("options_unusable: ")
