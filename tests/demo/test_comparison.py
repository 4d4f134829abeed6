import numpy as np
import pytest

from demo.comparison import Outcome, compare


def outcomes(rates: list[float], plays: int, seed: int) -> list[Outcome]:
    generator = np.random.default_rng(seed)
    return [Outcome(person, bool(generator.random() < rate)) for person, rate in enumerate(rates) for _ in range(plays)]


def test_rates_and_lift_are_plain_shares() -> None:
    before = [Outcome(0, True), Outcome(0, False), Outcome(1, False), Outcome(1, False)]
    after = [Outcome(0, True), Outcome(0, True), Outcome(1, False), Outcome(1, False)]

    result = compare(before, after)

    assert (result.before.value, result.after.value, result.lift.value) == (0.25, 0.5, 0.25)
    assert result.lift.low <= 0.25 <= result.lift.high


def test_people_who_never_change_leave_no_doubt() -> None:
    result = compare([Outcome(p, False) for p in range(30)], [Outcome(p, True) for p in range(30)])

    assert (result.lift.low, result.lift.value, result.lift.high) == (1.0, 1.0, 1.0)


def test_the_interval_holds_the_planted_lift_about_as_often_as_it_says() -> None:
    held = 0
    for trial in range(60):
        people = np.random.default_rng(1000 + trial).uniform(0.05, 0.3, 40)
        result = compare(
            outcomes(people.tolist(), 30, trial), outcomes((people + 0.1).tolist(), 30, 500 + trial), seed=trial
        )
        held += result.lift.low <= 0.1 <= result.lift.high

    assert held >= 50


def test_the_same_policy_twice_shows_no_lift() -> None:
    rates = [0.2] * 50

    result = compare(outcomes(rates, 40, 1), outcomes(rates, 40, 2))

    assert result.lift.low < 0 < result.lift.high
    assert result.lift.value == pytest.approx(0, abs=0.04)
