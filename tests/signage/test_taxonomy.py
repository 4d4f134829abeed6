import pytest

from signage.errors import UnknownVenueCategory
from signage.policies import POLICIES
from signage.taxonomy import VENUE_CATEGORIES, venue_category

PARENTS = {
    "transit": 1, "retail": 2, "outdoor": 3, "health_and_beauty": 4, "point_of_care": 5, "education": 6,
    "office_buildings": 7, "entertainment": 8, "government": 9, "financial": 10, "residential": 11,
}  # fmt: skip


def test_the_parents_are_those_of_the_standard() -> None:
    parents = {slug: found.number for slug, found in VENUE_CATEGORIES.items() if "." not in slug}

    assert parents == PARENTS


def test_every_child_has_a_parent_and_a_number_that_begins_with_its_parents() -> None:
    children = [found for found in VENUE_CATEGORIES.values() if "." in found.slug]

    assert len({found.number for found in VENUE_CATEGORIES.values()}) == len(VENUE_CATEGORIES)
    assert [found.slug for found in children if found.number // 100 != PARENTS[found.slug.split(".")[0]]] == []


@pytest.mark.parametrize(
    ("slug", "policy"),
    [
        ("financial.banks", "finance"),
        ("retail.grocery", "retail"),
        ("retail.pharmacies", "healthcare"),
        ("point_of_care.hospitals", "healthcare"),
        ("office_buildings.office_buildings", "security"),
        ("government.military_bases", "security"),
        ("entertainment.movie_theaters", "entertainment"),
        ("education.schools", "education"),
        ("transit.train_stations", "smart_city"),
        ("outdoor.urban_panels", "smart_city"),
    ],
)
def test_a_venue_begins_with_the_policy_of_its_vertical(slug: str, policy: str) -> None:
    assert venue_category(slug).policy == policy


def test_every_vertical_has_a_policy_and_every_policy_a_vertical() -> None:
    assert {found.policy for found in VENUE_CATEGORIES.values()} == set(POLICIES)


@pytest.mark.parametrize("slug", ["", "shop", "retail.", "Retail.Grocery", "retail.grocery.aisle"])
def test_an_unknown_category_is_refused(slug: str) -> None:
    with pytest.raises(UnknownVenueCategory, match=r"use one below .*retail"):
        venue_category(slug)
