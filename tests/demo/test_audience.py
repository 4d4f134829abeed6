import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.audience import BASE_LOGIT, GROUP_LIKES, Audience, Person
from demo.simulator import oracle_rate

CATEGORIES = [f"movies.{number}" for number in range(20)]


def audience(seed=7, people=12, **terms):
    return Audience(people=people, categories=CATEGORIES, seed=seed, **terms)


def moods(one, person, visits=200, phase=1):
    return [one.engages(person, CATEGORIES[3], phase=phase, visit=visit) for visit in range(visits)]


def test_the_same_seed_gives_the_same_people_visits_and_moods():
    first, second = audience(), audience()

    assert first.people == second.people
    assert [first.visitor(1, visit) for visit in range(50)] == [second.visitor(1, visit) for visit in range(50)]
    assert moods(first, first.people[0]) == moods(second, second.people[0])


def test_another_seed_or_phase_gives_others():
    assert audience(seed=7).people != audience(seed=8).people
    one = audience()
    assert [one.visitor(1, visit) for visit in range(50)] != [one.visitor(2, visit) for visit in range(50)]
    assert moods(one, one.people[0], phase=1) != moods(one, one.people[0], phase=2)


def test_people_of_a_group_like_the_same_few_categories():
    one = audience(people=24, groups=6)

    liked = [{category for category, logit in person.taste.items() if logit > 0.7} for person in one.people]
    assert all(GROUP_LIKES - 1 <= len(categories) <= GROUP_LIKES + 1 for categories in liked)
    assert all(len(liked[number] & liked[number + 6]) >= GROUP_LIKES - 2 for number in range(18))
    assert len({frozenset(categories) for categories in liked[:6]}) == 6


@given(st.floats(-6, 6), st.floats(0.01, 3), st.integers(0, 10_000))
def test_who_likes_something_more_engages_whenever_somebody_else_would(taste, more, visit):
    one, category = audience(people=1), CATEGORIES[0]
    cool, keen = Person(0, {category: taste}), Person(1, {category: taste + more})

    if one.engages(cool, category, phase=1, visit=visit):
        assert one.engages(keen, category, phase=1, visit=visit)


def test_moods_follow_the_probability():
    one = audience()
    person = Person(0, {CATEGORIES[3]: 2.2 - BASE_LOGIT - 2.2})  # a logit of zero

    assert person.probability(CATEGORIES[3]) == 0.5
    engaged = sum(moods(one, person, visits=2000))
    assert 890 <= engaged <= 1110  # five standard deviations


def test_nobody_has_a_taste_for_what_they_do_not_know():
    assert Person(0, {}).probability("movies.new") == pytest.approx(0.0998, abs=1e-4)


def test_every_person_comes_by():
    one = audience()

    assert {one.visitor(1, visit).number for visit in range(300)} == set(range(12))


def test_the_ceiling_is_the_mean_of_everybodys_favourite():
    one = audience(people=2)
    best = [max(person.probability(category) for category in CATEGORIES) for person in one.people]

    assert oracle_rate(one, CATEGORIES) == pytest.approx(sum(best) / 2)
