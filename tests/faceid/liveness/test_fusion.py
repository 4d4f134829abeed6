"""A film without life outweighs a surface without fault, and a film that leaves doubt changes nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.liveness.detector import LIFELESS
from faceid.liveness.fusion import DOUBT, MISSED, UNFITTED, Fusion, probability, without_life
from faceid.liveness.method import Evidence

FUSION = Fusion((("motion", 0.0), ("pulse", 0.0), ("texture", 1.0)))
"""Films weigh nothing in the sum, so that what is left is the veto."""


def film(motion: float | None, pulse: float | None = None) -> list[Evidence]:
    said = {"motion": motion, "pulse": pulse}
    return [Evidence(method, score) for method, score in said.items() if score is not None]


@given(st.floats(-6, 6), st.floats(-1.0, 9), st.one_of(st.none(), st.floats(0, 9)))
def test_a_film_that_leaves_doubt_or_none_at_all_changes_nothing(
    surface: float, motion: float, pulse: float | None
) -> None:
    said = [Evidence("texture", surface)]

    assert FUSION.log_odds([*said, *film(motion, pulse)]) == FUSION.log_odds(said)
    assert without_life(said) == 0.0


@pytest.mark.parametrize(
    ("motion", "pulse", "most"), [(-3.0, None, 0.28), (-0.7, -3.5, 0.45), (-3.0, -3.5, 0.06), (-2.0, 0.0, 0.37)]
)
def test_a_surface_without_fault_does_not_outweigh_a_film_without_life(
    motion: float, pulse: float | None, most: float
) -> None:
    surface = [Evidence("texture", 6.0), Evidence("other", 6.0), Evidence("third", 6.0)]

    assert probability(FUSION.log_odds(surface)) > 0.999
    assert probability(FUSION.log_odds([*surface, *film(motion, pulse)])) <= most


@pytest.mark.parametrize(("motion", "pulse"), [(-3.0, 3.0), (3.0, -4.0), (-6.0, 1.5)])
def test_life_that_one_method_finds_outweighs_that_the_other_finds_none(motion: float, pulse: float) -> None:
    assert without_life(film(motion, pulse)) == 0.0


@given(st.floats(-6, 6), st.floats(-6, 6), st.floats(-6, 6))
def test_more_life_in_a_film_never_lowers_the_score(surface: float, first: float, second: float) -> None:
    low, high = sorted((first, second))
    said, fusion = [Evidence("texture", surface)], Fusion((("texture", 1.0),))

    assert fusion.log_odds([*said, *film(low)]) <= fusion.log_odds([*said, *film(high)]) + 1e-12


def test_the_odds_of_both_kinds_of_attack_add_up() -> None:
    odds = FUSION.log_odds([Evidence("texture", 2.0), *film(-1.8)])

    assert math.exp(-odds) == pytest.approx(math.exp(-2.0) + math.exp(1.8 - DOUBT) - 1.0)
    assert UNFITTED > 0
    assert without_life(film(-99.0)) == without_life(film(math.log(MISSED["motion"]))) < 3.0
    assert without_life(film(math.nan)) == 0.0
    assert LIFELESS == "lifeless_film"
