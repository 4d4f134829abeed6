import dataclasses

import pytest

from catalog.categories import PARENTS, SENSITIVE
from recsys.features import DEFAULT_SPEC, Context
from recsys.guard import FAMILIES, FeaturePolicy
from signage.errors import UnknownPolicy
from signage.policies import (
    EDUCATION,
    ENTERTAINMENT,
    FINANCE,
    HEALTHCARE,
    LEARN,
    MEASURE,
    PERSONALISE,
    POLICIES,
    RECOGNISE,
    RETAIL,
    SECURITY,
    SMART_CITY,
    WITHHELD,
    ScenePolicy,
    denied_in_training,
    names,
    policy,
)

EVERY = pytest.mark.parametrize("found", POLICIES.values(), ids=POLICIES)


def test_seven_verticals_have_a_policy() -> None:
    assert list(POLICIES) == [
        "finance", "retail", "healthcare", "security", "entertainment", "education", "smart_city",
    ]  # fmt: skip
    assert policy("finance") is FINANCE


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(UnknownPolicy, match="choose one of finance, retail"):
        policy("casino")


@EVERY
def test_a_policy_cannot_be_changed_at_run_time(found: ScenePolicy) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.paid_allowed = True  # type: ignore[misc]


@EVERY
def test_a_policy_speaks_of_categories_that_creatives_can_have(found: ScenePolicy) -> None:
    gated = {category for category, _ in found.minimum_ages}
    spoken_of = (
        found.denied_categories | found.denied_when_paid | found.never_features | gated
        | (found.allowed_categories or frozenset())
    )  # fmt: skip

    assert spoken_of - PARENTS == frozenset()


@EVERY
def test_a_policy_only_acts_on_purposes_there_are(found: ScenePolicy) -> None:
    assert found.purposes <= {RECOGNISE, PERSONALISE, LEARN, MEASURE}
    assert found.title
    assert found.summary.endswith(".")


@EVERY
def test_no_policy_ranks_by_health_intimacy_or_belief(found: ScenePolicy) -> None:
    for category in ("health_conditions", "medicines.painkillers", "dating", "adult", "religion", "politics.local"):
        assert not found.may_rank_by(category)
    assert found.may_rank_by("fashion.shoes")


@EVERY
def test_alcohol_never_plays_before_an_age_nobody_vouches_for(found: ScenePolicy) -> None:
    shown = found.allows_category("alcohol.beer", paid=True) and found.minimum_age("alcohol.beer") == 0

    assert not shown


def test_finance_shows_personal_things_to_one_person_alone() -> None:
    assert FINANCE.allows_personal(1)
    assert not FINANCE.allows_personal(2)
    assert not FINANCE.allows_personal(0)


def test_finance_refuses_gambling_and_crypto() -> None:
    for category in ("gambling", "gambling.lottery", "crypto", "crypto.exchange", "payday_loans", "alcohol"):
        assert not FINANCE.allows_category(category, paid=True)
    assert FINANCE.allows_category("banking.savings", paid=True)
    assert FINANCE.minimum_age("credit.cards") == 18


def test_retail_leaves_personal_creatives_to_the_general_rule() -> None:
    assert RETAIL.allows_personal(3)
    assert RETAIL.minimum_age("alcohol.wine") == 18
    assert RETAIL.minimum_age("groceries") == 0


def test_healthcare_hints_at_no_condition_and_at_nobody() -> None:
    assert not HEALTHCARE.allows_category("health_conditions.diabetes", paid=True)
    assert not HEALTHCARE.allows_category("medicines", paid=False)
    assert not HEALTHCARE.allows_personal(1)
    assert not HEALTHCARE.may_rank_by("wellness.yoga")
    assert RETAIL.may_rank_by("wellness.yoga")


def test_security_shows_information_only_and_singles_nobody_out() -> None:
    assert SECURITY.allows_category("wayfinding", paid=False)
    assert not SECURITY.allows_category("wayfinding", paid=True)
    assert not SECURITY.allows_category("fashion", paid=False)
    assert SECURITY.purposes == {MEASURE}
    assert not SECURITY.allows_personal(1)


def test_entertainment_gates_by_age_what_others_refuse() -> None:
    assert ENTERTAINMENT.allows_category("alcohol", paid=True)
    assert ENTERTAINMENT.minimum_age("alcohol") == 18
    assert not ENTERTAINMENT.allows_category("politics", paid=True)


def test_education_tempts_and_personalises_nobody() -> None:
    for category in ("alcohol", "gambling", "dating", "tobacco", "crypto", "weight_loss", "politics"):
        assert not EDUCATION.allows_category(category, paid=True)
    assert not EDUCATION.allows_purpose(PERSONALISE)
    assert not EDUCATION.allows_purpose(RECOGNISE)


def test_smart_city_shows_politics_as_information_and_never_for_money() -> None:
    assert SMART_CITY.allows_category("politics.elections", paid=False)
    assert not SMART_CITY.allows_category("politics.elections", paid=True)
    assert not SMART_CITY.allows_personal(1)


def test_a_parent_names_everything_below_it_and_nothing_beside_it() -> None:
    assert names(frozenset({"movies"}), "movies.drama.french")
    assert not names(frozenset({"movies.drama"}), "movies")
    assert not names(frozenset({"movies"}), "moviestar")


def test_every_sensitive_category_is_refused_or_gated_somewhere() -> None:
    minded = {
        category
        for found in POLICIES.values()
        for category in found.denied_categories | found.denied_when_paid | {gate for gate, _ in found.minimum_ages}
    }

    assert minded >= SENSITIVE


CONTEXT = Context(
    screen="scr_1", venue="ven_1", venue_category="finance.bank", scene="queue", hour=9, weekday=2, party=1
)


@EVERY
def test_every_scene_denies_what_stands_in_for_wealth_origin_and_health(found: ScenePolicy) -> None:
    assert found.denied_features >= set(FAMILIES)
    for name in ("home_postcode", "household_income", "surname", "last_diagnosis"):
        assert found.features.denies(name)


@EVERY
def test_a_scene_denies_nothing_of_ranking_that_could_not_be_withheld(found: ScenePolicy) -> None:
    assert {name for name in DEFAULT_SPEC.names if found.features.denies(name)} <= WITHHELD


def test_a_bank_is_not_told_which_branch_somebody_stands_in() -> None:
    told = FINANCE.told(CONTEXT)

    assert (told.screen, told.venue) == ("", "")
    assert (told.venue_category, told.scene, told.hour, told.weekday, told.party) == ("finance.bank", "queue", 9, 2, 1)


def test_a_shop_is_told_everything_about_the_place() -> None:
    assert RETAIL.told(CONTEXT) is CONTEXT


def test_training_for_several_scenes_is_denied_what_any_of_them_denies_but_what_is_withheld() -> None:
    strict = dataclasses.replace(RETAIL, denied_features=frozenset({"weather", "venue"}))

    assert denied_in_training([strict, FINANCE]) == frozenset(FAMILIES) | {"weather"}
    assert denied_in_training([]) == frozenset()
    FeaturePolicy(denied_in_training(POLICIES.values())).refuse(DEFAULT_SPEC.names)
