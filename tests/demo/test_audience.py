import pytest

from demo.audience import GROUP_LIKES, Audience

CATEGORIES = [f"movies.genre{number}" for number in range(12)]


def test_the_same_seed_makes_the_same_people_visits_and_moods() -> None:
    one, two = (Audience(people=20, categories=CATEGORIES, seed=3) for _ in range(2))

    assert one.people == two.people
    assert [one.visitor(1, visit) for visit in range(50)] == [two.visitor(1, visit) for visit in range(50)]
    moods = [[a.engages(a.people[0], CATEGORIES[0], phase=1, visit=visit) for visit in range(50)] for a in (one, two)]
    assert moods[0] == moods[1]


def test_another_seed_makes_others() -> None:
    assert (
        Audience(people=20, categories=CATEGORIES, seed=3).people
        != Audience(people=20, categories=CATEGORIES, seed=4).people
    )


def test_people_like_some_categories_much_more_than_others() -> None:
    person = Audience(people=1, categories=CATEGORIES, seed=3).people[0]
    chances = sorted((person.probability(category) for category in CATEGORIES), reverse=True)

    assert min(chances[:GROUP_LIKES]) > 3 * max(chances[GROUP_LIKES:])


def test_engagement_happens_as_often_as_its_probability_says() -> None:
    audience = Audience(people=1, categories=CATEGORIES, seed=3)
    person = audience.people[0]
    category = max(CATEGORIES, key=person.probability)

    share = sum(audience.engages(person, category, phase=1, visit=visit) for visit in range(2000)) / 2000

    assert share == pytest.approx(person.probability(category), abs=0.04)


def test_what_nobody_has_a_taste_for_is_engaged_with_at_the_base_rate() -> None:
    person = Audience(people=1, categories=CATEGORIES, seed=3).people[0]

    assert person.probability("service") == pytest.approx(0.0998, abs=1e-4)
