"""The guardrails of a canary, on counts alone."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.terms import Guardrails
from training.watching.guards import Compared, Counted, guards, least_rate
from training.watching.sequential import Rate, drop

TERMS = Guardrails()
FINE = Counted(
    decisions=1_000, degraded=0, watched=1_000, failed=0, took_ms=(2.0,) * 200, played=Rate(1_000, 200),
    forecast=200.0, spread=160.0,
)  # fmt: skip


def failing(compared: Compared, terms: Guardrails = TERMS) -> list[str]:
    return [check.name for check in guards(compared, terms) if not check.passes]


def test_a_canary_that_does_as_the_champion_does_goes_on() -> None:
    found = guards(Compared(FINE, FINE), TERMS)

    assert [check.name for check in found] == ["errors", "degraded", "latency", "engagement", "calibration"]
    assert all(check.passes and check.judged and check.sentence.endswith(".") for check in found)


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        ({"failed": 50}, "errors"),
        ({"degraded": 80}, "degraded"),
        ({"took_ms": (2.0,) * 180 + (40.0,) * 20}, "latency"),
        ({"played": Rate(1_000, 80), "forecast": 80.0, "spread": 73.6}, "engagement"),
        ({"forecast": 330.0, "spread": 220.0}, "calibration"),
    ],
)
def test_each_harm_trips_its_own_guardrail(change: dict[str, object], guard: str) -> None:
    assert failing(Compared(replace(FINE, **change), FINE)) == [guard]  # type: ignore[arg-type]


def test_little_harm_is_let_pass_and_a_few_decisions_prove_nothing() -> None:
    little = replace(FINE, failed=5, degraded=10, took_ms=(4.9,) * 200, played=Rate(1_000, 180), forecast=200.0)
    few = Counted(19, 19, 19, 19, (900.0,) * 19, Rate(49, 0), 40.0, 4.0)

    assert failing(Compared(little, FINE)) == []
    assert all(not check.judged for check in guards(Compared(few, FINE), TERMS))


def test_what_screens_differed_by_before_is_not_the_canarys_doing() -> None:
    worse = replace(FINE, played=Rate(4_000, 400), forecast=400.0, spread=360.0)
    better = replace(FINE, played=Rate(4_000, 800), forecast=800.0, spread=640.0)

    assert "engagement" in failing(Compared(worse, better))
    assert "engagement" not in failing(Compared(worse, better, before=(Rate(4_000, 400), Rate(4_000, 800))))


def test_asking_a_thousand_times_fools_nobody() -> None:
    random, level, fooled = np.random.default_rng(5), 0.05, 0
    for _ in range(200):
        canary, champion = (np.cumsum(random.random(4_000) < 0.2) for _ in range(2))
        looks = range(50, 4_001, 50)
        fooled += any(
            found.p <= level
            for plays in looks
            if (found := drop(Rate(plays, int(canary[plays - 1])), Rate(plays, int(champion[plays - 1]))))
        )

    assert fooled / 200 <= level  # a test of fixed size, asked as often, is fooled in a third of the cases


def test_a_real_drop_is_found_in_time() -> None:
    random, found = np.random.default_rng(6), 0
    for _ in range(50):
        canary, champion = int((random.random(3_000) < 0.15).sum()), int((random.random(3_000) < 0.2).sum())
        seen = drop(Rate(3_000, canary), Rate(3_000, champion))
        found += seen is not None and seen.is_certain(0.01)

    assert found >= 45


@given(plays=st.integers(50, 10_000), engaged=st.floats(0, 1))
def test_the_same_rates_are_never_a_drop(plays: int, engaged: float) -> None:
    rate = Rate(plays, int(plays * engaged))
    found = drop(rate, rate)

    assert found is not None
    assert found.p == 1.0
    assert not found.is_certain(0.5)


@given(tries=st.integers(1, 5_000), share=st.floats(0, 1))
def test_the_least_rate_lies_below_the_rate_and_close_to_it_with_many_tries(tries: int, share: float) -> None:
    hits = int(tries * share)

    least = least_rate(hits, tries)

    assert 0 <= least <= hits / tries
    assert hits / tries - least <= 4 / sqrt(tries)
