from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from catalog.errors import UnusableCampaign
from catalog.targeting import Targeting, parse_targeting

SLUGS = st.sampled_from(["retail", "retail.malls", "transit.airports"])


@profile(deadline=None)
@given(st.frozensets(SLUGS), st.frozensets(st.sampled_from(["checkout", "lobby-1"])), st.frozensets(st.integers(0, 23)))
def test_targeting_reads_back_as_it_was_stored(
    venues: frozenset[str], scenes: frozenset[str], hours: frozenset[int]
) -> None:
    targeting = Targeting(venues, scenes, hours)

    assert parse_targeting(targeting.as_json()) == targeting


def test_what_asks_for_nothing_is_not_stored() -> None:
    assert parse_targeting({}).as_json() == {}
    assert parse_targeting({"hours": []}).as_json() == {}


@pytest.mark.parametrize(
    ("targeting", "member"),
    [
        ({"age": [18]}, "age"),
        ({"gender": ["f"]}, "gender"),
        ({"subjects": []}, "subjects"),
        ({"hours": [24]}, "hours"),
        ({"hours": [True]}, "hours"),
        ({"hours": ["8"]}, "hours"),
        ({"hours": 8}, "hours"),
        ({"venue_categories": ["Retail"]}, "venue_categories"),
        ({"venue_categories": [{}]}, "venue_categories"),
        ({"scenes": ["a b"]}, "scenes"),
        ({"scenes": ["x"] * 201}, "scenes"),
    ],
)
def test_people_and_nonsense_cannot_be_targeted(targeting: dict[str, Any], member: str) -> None:
    with pytest.raises(UnusableCampaign, match=member):
        parse_targeting(targeting)
