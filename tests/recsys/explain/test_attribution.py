"""When shares count as complete."""

from __future__ import annotations

import pytest

from recsys.explain.attribution import HISTORY, VIEWER, Attribution, Share
from recsys.explain.errors import IncompleteAttribution


def attribution(score, baseline, *amounts):
    shares = (Share(VIEWER, None, amounts[0]), *(Share(HISTORY, place, one) for place, one in enumerate(amounts[1:])))
    return Attribution("occlusion", score, baseline, shares)


def test_shares_are_found_by_feature_and_by_place():
    found = attribution(2.0, 0.5, 1.0, 0.25, 0.25)

    assert (found.of(VIEWER), found.of(HISTORY), found.of("hour")) == (1.0, 0.5, 0)
    assert found.by_place() == {0: 0.25, 1: 0.25}
    assert (found.difference, found.residual, found.complete) == (1.5, 0.0, True)


@pytest.mark.parametrize(
    ("difference", "left", "complete"),
    [(0.0, 0.009, True), (0.0, 0.011, False), (5.0, 0.049, True), (5.0, 0.051, False), (-5.0, -0.049, True)],
)
def test_a_hundredth_or_one_percent_may_be_left(difference, left, complete):
    found = attribution(difference, 0.0, difference - left)

    assert found.complete is complete


def test_what_does_not_add_up_is_refused_with_the_amount():
    with pytest.raises(IncompleteAttribution, match=r"\+0\.5000 of \+1\.0000"):
        attribution(1.0, 0.0, 0.5).proven()
