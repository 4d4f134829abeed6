import numpy as np
import pytest

from demo.comparison import Estimate, Outcome, compare


def outcomes(*counts):
    """Return the outcomes of people who engaged so many times out of so many plays."""
    return [
        Outcome(person, number < engaged)
        for person, (engaged, plays) in enumerate(counts)
        for number in range(plays)
    ]  # fmt: skip


def test_one_person_leaves_nothing_to_chance():
    result = compare(outcomes((1, 4)), outcomes((3, 4)))

    assert result.before == Estimate(0.25, 0.25, 0.25)
    assert result.after == Estimate(0.75, 0.75, 0.75)
    assert result.lift == Estimate(0.5, 0.5, 0.5)


def test_two_opposite_people_leave_everything_to_chance():
    result = compare(outcomes((0, 10), (10, 10)), outcomes((0, 10), (10, 10)))

    assert result.before == Estimate(0.5, 0.0, 1.0)
    assert result.lift == Estimate(0.0, 0.0, 0.0)  # the same persons are drawn for both


def test_the_rate_is_per_play_and_not_per_person():
    assert compare(outcomes((9, 10), (0, 90)), outcomes((1, 1), (0, 1))).before.value == pytest.approx(0.09)


def test_somebody_who_came_once_only_counts_there():
    result = compare(outcomes((1, 2)), [Outcome(4, True)])

    assert (result.before.value, result.after.value) == (0.5, 1.0)


def test_the_same_seed_gives_the_same_intervals():
    tables = outcomes((1, 5), (2, 5), (4, 5)), outcomes((2, 5), (3, 5), (5, 5))

    assert compare(*tables, seed=3) == compare(*tables, seed=3)


def test_an_estimate_reads_well():
    assert str(Estimate(0.12345, 0.1, 0.2)) == "0.123 [0.100, 0.200]"


def planted(generator, people, plays, lift):
    """Draw both phases for people with tastes of their own around 0.2, lifted by as much in the second."""
    tastes = generator.beta(4, 16, people)
    draw = lambda rates: [(int(engaged), plays) for engaged in generator.binomial(plays, rates)]  # noqa: E731
    return outcomes(*draw(tastes)), outcomes(*draw(np.minimum(tastes + lift, 1)))


def test_the_intervals_cover_planted_rates_as_often_as_they_say():
    generator, rounds = np.random.default_rng(11), 120
    covered = {"before": 0, "after": 0, "lift": 0}
    for _ in range(rounds):
        result = compare(*planted(generator, 40, 20, 0.1))
        for name, truth in (("before", 0.2), ("after", 0.3), ("lift", 0.1)):
            estimate = getattr(result, name)
            covered[name] += estimate.low <= truth <= estimate.high

    # Nominally 95 %; the bootstrap's own shortfall and five binomial standard deviations are allowed for.
    assert all(0.85 * rounds <= count for count in covered.values()), covered
    assert covered["lift"] < rounds or covered["before"] < rounds or covered["after"] < rounds


def test_without_a_difference_none_is_claimed():
    generator, rounds = np.random.default_rng(5), 120

    claimed = sum(
        not result.lift.low <= 0 <= result.lift.high
        for result in (compare(*planted(generator, 40, 20, 0.0)) for _ in range(rounds))
    )

    assert claimed <= 0.15 * rounds
