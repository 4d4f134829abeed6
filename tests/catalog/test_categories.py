import pytest

from catalog.categories import ORDINARY, PARENTS, SENSITIVE, check_category, lineage
from catalog.errors import UnknownCategory


@pytest.mark.parametrize("slug", ["movies", "movies.drama", "fashion.shoes.boots", "gambling", "public_information"])
def test_a_parent_or_anything_below_one_is_a_category(slug: str) -> None:
    assert check_category(slug) == slug


@pytest.mark.parametrize(
    "slug", ["", "gamblng", "Movies", "movies.", ".drama", "movies drama", "movies/drama", "movies." + "x" * 60]
)
def test_what_a_policy_could_not_name_is_no_category(slug: str) -> None:
    with pytest.raises(UnknownCategory, match="gambling"):
        check_category(slug)


def test_parents_are_ordinary_or_sensitive_and_never_both() -> None:
    assert ORDINARY.isdisjoint(SENSITIVE)
    assert {check_category(parent) for parent in PARENTS} == PARENTS


def test_a_lineage_leads_to_the_parent() -> None:
    assert lineage("a.b.c") == ("a.b.c", "a.b", "a")
    assert lineage("a") == ("a",)
