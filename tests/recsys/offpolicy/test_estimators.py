"""Known values, invariants, the estimators of the package obp on the same log, and Open Bandit's on-policy value."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.benchmark.bandit import open_bandit
from recsys.offpolicy.estimators import Estimator, effective_size, shares, weights
from recsys.offpolicy.judgement import TooLittleOverlap, judge
from recsys.offpolicy.log import LoggedChoices, Target, UnusableLog

ACTIONS = 5


def world(rows: int, *, seed: int = 0) -> tuple[LoggedChoices, Target, float]:
    """Draw a log under a skewed policy, another policy, and the true value of the latter."""
    random = np.random.default_rng(seed)
    truth = np.array([0.1, 0.3, 0.5, 0.7, 0.2])
    logging, target = np.array([0.4, 0.25, 0.15, 0.1, 0.1]), np.array([0.1, 0.1, 0.3, 0.4, 0.1])
    actions = random.choice(ACTIONS, rows, p=logging)
    rewards = (random.random(rows) < truth[actions]).astype(float)
    model = np.clip(truth + random.normal(0, 0.1, ACTIONS), 0, 1)
    return (
        LoggedChoices(actions, rewards, logging[actions]),
        Target(np.tile(target, (rows, 1)), np.tile(model, (rows, 1))),
        float(truth @ target),
    )


def test_known_values_by_hand():
    log = LoggedChoices(np.array([0, 1]), np.array([1.0, 0.0]), np.array([0.5, 0.25]))
    target = Target(np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[0.4, 0.8], [0.2, 0.6]]))

    found = {one: shares(one, log, target, switch_at=1.0).value for one in Estimator}

    assert weights(log, target).tolist() == [0.5, 2.0]
    assert found[Estimator.IPS] == pytest.approx(0.5 / 2)
    assert found[Estimator.SNIPS] == pytest.approx(0.5 / 2.5)
    assert found[Estimator.DM] == pytest.approx((0.7 + 0.4) / 2)
    assert found[Estimator.DR] == pytest.approx((0.7 + 0.5 * 0.6 + 0.4 + 2.0 * -0.6) / 2)
    assert found[Estimator.SWITCH] == pytest.approx((0.7 + 0.5 * 0.6 + 0.4) / 2)


@given(st.integers(0, 10_000))
def test_judging_the_logging_policy_itself_gives_what_it_earned(seed: int):
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(ACTIONS), 40)
    actions = np.array([random.choice(ACTIONS, p=row) for row in probabilities])
    log = LoggedChoices(actions, random.random(40), probabilities[np.arange(40), actions])
    target = Target(probabilities)

    assert effective_size(weights(log, target)) == pytest.approx(40)
    for one in (Estimator.IPS, Estimator.SNIPS):
        assert shares(one, log, target).value == pytest.approx(log.rewards.mean())


@given(st.floats(-3, 3), st.integers(0, 1000))
def test_self_normalised_estimates_move_with_the_rewards(shift: float, seed: int):
    log, target, _ = world(200, seed=seed)
    moved = LoggedChoices(log.actions, log.rewards + shift, log.propensities)

    before, after = (shares(Estimator.SNIPS, one, target).value for one in (log, moved))

    assert after == pytest.approx(before + shift, abs=1e-9)


def test_a_switch_that_never_switches_is_doubly_robust_and_one_that_always_does_is_the_model():
    log, target, _ = world(500)

    assert shares(Estimator.SWITCH, log, target, switch_at=1e9).value == shares(Estimator.DR, log, target).value
    assert shares(Estimator.SWITCH, log, target, switch_at=0.0).value == shares(Estimator.DM, log, target).value


def test_intervals_hold_the_true_value_about_as_often_as_they_say():
    hits = dict.fromkeys((Estimator.IPS, Estimator.SNIPS, Estimator.DR), 0)
    for seed in range(60):
        log, target, true = world(800, seed=seed)
        found = judge(log, target, rounds=300, seed=seed)
        for one in hits:
            hits[one] += true in found.values[one]

    # 95 % of 60 is 57; fewer than 51 would happen once in 400 times
    assert all(count >= 51 for count in hits.values()), hits


def test_a_lift_is_narrower_than_the_values_it_is_the_difference_of():
    log, _, _ = world(3000)
    near = np.array([0.38, 0.26, 0.16, 0.1, 0.1])

    found = judge(log, Target(np.tile(near, (3000, 1))))

    value, lift = found.values[Estimator.SNIPS], found.lifts[Estimator.SNIPS]
    assert lift.high - lift.low < (value.high - value.low) / 2
    assert lift.value == pytest.approx(value.value - found.logged.value)


def test_a_lift_over_another_policy_compares_both_on_the_same_log():
    log, target, _ = world(3000)
    near = Target(np.tile([0.1, 0.1, 0.28, 0.42, 0.1], (3000, 1)), target.expected)

    found = judge(log, near, against=target)

    for one in Estimator:
        expected = shares(one, log, near).value - shares(one, log, target).value
        assert found.lifts[one].value == pytest.approx(expected)
    itself = judge(log, target, against=target)
    assert {(one.value, one.low, one.high) for one in itself.lifts.values()} == {(0.0, 0.0, 0.0)}


def test_too_little_overlap_with_the_policy_it_is_judged_against_is_refused():
    log, target, _ = world(200)
    alone = np.zeros((200, ACTIONS))
    alone[:, 4] = 1

    with pytest.raises(TooLittleOverlap):
        judge(log, target, against=Target(alone))


def test_rows_of_one_person_are_resampled_together():
    log, target, _ = world(400)
    twice = LoggedChoices(*(np.repeat(getattr(log, name), 4) for name in ("actions", "rewards", "propensities")))
    wide = Target(np.repeat(target.probabilities, 4, axis=0))

    once = judge(log, Target(target.probabilities))
    together = judge(twice, wide, groups=np.repeat(np.arange(400), 4))
    apart = judge(twice, wide)

    def width(found: Any) -> float:
        interval = found.values[Estimator.IPS]
        return float(interval.high - interval.low)

    assert width(together) == pytest.approx(width(once), rel=0.02)
    assert width(apart) == pytest.approx(width(once) / 2, rel=0.15)


def test_groups_of_another_length_are_refused():
    log, target, _ = world(200)

    with pytest.raises(UnusableLog, match="each of the 200 choices, got 3"):
        judge(log, target, groups=np.arange(3))


def test_too_little_overlap_is_refused_with_the_effective_sample():
    log, _, _ = world(200)
    alone = np.zeros((200, ACTIONS))
    alone[:, 4] = 1

    with pytest.raises(TooLittleOverlap, match=r"200 logged choices are worth \d+\.\d of the target"):
        judge(log, Target(alone))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"propensities": np.array([0.5, 0.0])}, "1 propensities"),
        ({"propensities": np.array([0.5, np.nan])}, "1 propensities"),
        ({"rewards": np.array([1.0, np.inf])}, "1 rewards"),
        ({"rewards": np.array([1.0])}, "one length"),
        ({"actions": np.array([-1, 0])}, "numbered from 0"),
    ],
)
def test_a_log_that_cannot_be_used_is_refused(change: dict[str, Any], says: str):
    good = {"actions": np.array([0, 1]), "rewards": np.array([1.0, 0.0]), "propensities": np.array([0.5, 0.5])}

    with pytest.raises(UnusableLog, match=says):
        LoggedChoices(**(good | change))


def test_an_empty_log_is_refused():
    with pytest.raises(UnusableLog, match="empty"):
        LoggedChoices(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))


@pytest.mark.parametrize(
    ("probabilities", "says"),
    [
        ([[0.5, 0.6], [0.5, 0.5]], "distribution"),
        ([[1.5, -0.5], [0.5, 0.5]], "distribution"),
        ([[1.0], [1.0]], "at least 2"),
        ([[0.5, 0.5]], "1 choices"),
    ],
)
def test_a_policy_that_is_none_is_refused(probabilities: list[list[float]], says: str):
    log = LoggedChoices(np.array([0, 1]), np.array([1.0, 0.0]), np.array([0.5, 0.5]))

    with pytest.raises(UnusableLog, match=says):
        shares(Estimator.IPS, log, Target(np.array(probabilities)))


def test_a_doubly_robust_estimate_without_a_model_is_refused():
    log, target, _ = world(10)

    with pytest.raises(UnusableLog, match="model of rewards"):
        shares(Estimator.DR, log, Target(target.probabilities))


# The package obp and its data, as carriers.


@pytest.fixture(scope="module")
def obp_folder() -> Path:
    state = Path(os.environ.get("VITRINE_STATE", Path(__file__).resolve().parents[3] / ".vitrine"))
    folder = state / "carriers" / "obp"
    if not folder.exists():
        pytest.fail(f"{folder} is missing: run `make carriers` first.")
    return folder


@pytest.fixture
def obp(obp_folder: Path) -> Any:
    """Return obp's estimators. Its variants for torch's tensors are not used, so empty modules stand in for those."""
    stand_in, frames = ModuleType("torch"), ModuleType("pandas")
    for name in ("Tensor", "FloatTensor", "LongTensor", "IntTensor"):
        setattr(stand_in, name, np.ndarray)
    frames.DataFrame = dict  # type: ignore[attr-defined]
    packages = {"torch": stand_in, "pandas": frames}
    for name, place in (("obp", "obp"), ("obp.ope", "obp/ope")):
        packages[name] = ModuleType(name)
        packages[name].__path__ = [str(obp_folder / place)]
    with pytest.MonkeyPatch.context() as imports:
        for name, module in packages.items():
            imports.setitem(sys.modules, name, module)
        return importlib.import_module("obp.ope.estimators")


@pytest.mark.parametrize(("logged", "target"), [("random", "bts"), ("bts", "random")])
def test_estimates_equal_those_of_obp_on_the_same_log(obp_folder: Path, obp: Any, logged: str, target: str):
    question = open_bandit(obp_folder.parent, campaign="men", logged=logged, target=target)
    log, expected = question.log, question.target.expected
    assert expected is not None
    given_to_obp = {
        "reward": log.rewards, "action": log.actions, "pscore": log.propensities,
        "action_dist": question.target.probabilities[:, :, None], "position": np.zeros(len(log), dtype=int),
    }  # fmt: skip
    model = {"estimated_rewards_by_reg_model": expected[:, :, None]}

    theirs = {
        Estimator.IPS: obp.InverseProbabilityWeighting().estimate_policy_value(**given_to_obp),
        Estimator.SNIPS: obp.SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**given_to_obp),
        Estimator.DM: obp.DirectMethod().estimate_policy_value(**given_to_obp, **model),
        Estimator.DR: obp.DoublyRobust().estimate_policy_value(**given_to_obp, **model),
        Estimator.SWITCH: obp.SwitchDoublyRobust(tau=2.0).estimate_policy_value(**given_to_obp, **model),
    }

    ours = {one: shares(one, log, question.target, switch_at=2.0).value for one in Estimator}
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_the_other_policys_real_earnings_lie_within_the_estimates_from_random_placements(obp_folder: Path):
    question = open_bandit(obp_folder.parent, campaign="men", logged="random", target="bts", model=False)

    found = judge(question.log, question.target)

    assert question.earned is not None
    assert question.earned.mean() == pytest.approx(0.0069, abs=1e-4)
    assert question.earned.mean() in found.values[Estimator.IPS]
    assert question.earned.mean() in found.values[Estimator.SNIPS]
    assert found.effective > 1000


@pytest.mark.parametrize("campaign", ["all", "men"])
def test_the_random_policys_real_earnings_lie_within_the_estimates_from_the_learning_one(
    obp_folder: Path, campaign: str
):
    question = open_bandit(obp_folder.parent, campaign=campaign, logged="bts", target="random", model=False)

    found = judge(question.log, question.target)

    assert question.earned is not None
    assert question.earned.mean() in found.values[Estimator.IPS]
    assert question.earned.mean() in found.values[Estimator.SNIPS]
    assert 300 < found.effective < 700


def test_the_random_policy_cannot_be_judged_by_a_log_worth_two_rows(obp_folder: Path):
    question = open_bandit(obp_folder.parent, campaign="women", logged="bts", target="random", model=False)

    with pytest.raises(TooLittleOverlap, match=r"10,000 logged choices are worth 2\.0"):
        judge(question.log, question.target)


def test_a_uniform_policy_cannot_be_judged_from_a_log_that_had_almost_made_up_its_mind(obp_folder: Path):
    question = open_bandit(obp_folder.parent, campaign="women", logged="bts", target="uniform", model=False)

    with pytest.raises(TooLittleOverlap):
        judge(question.log, question.target)
