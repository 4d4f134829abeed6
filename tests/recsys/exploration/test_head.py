"""The exploration head: its draws follow its posterior, its policy logs what it does, and exploring pays."""

from collections import Counter

import numpy as np
import pytest

from recsys.exploration.head import Head, Mode, log_odds
from recsys.exploration.learning import Observations, learn
from recsys.exploration.luce import Exploration, draw, probabilities
from recsys.exploration.posterior import Posterior, Prior

KEYS = tuple(f"crv_{number}" for number in range(8))
CATEGORIES = ("food", "food", "food", "books", "books", "books", "music", "music")
EFFECTS = np.array([1.0, 0.0, -1.0, 0.5, 0.0, -0.5, 0.3, -0.3])


def seen(plays: int, *, until: int = 6, seed: int = 0) -> Posterior:
    """Learn from plays of the first creatives only; the rest is new."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, until, plays)
    logits = random.normal(-1, 0.3, plays).round(1)
    engaged = (random.random(plays) < 1 / (1 + np.exp(-(logits + EFFECTS[codes])))).astype(np.int64)
    words = tuple(KEYS[code] for code in codes)
    categories = tuple(CATEGORIES[code] for code in codes)
    scenes = tuple(random.choice(["door", "desk"], plays).tolist())
    return learn(Observations(scenes, categories, words, logits, np.ones(plays, dtype=np.int64), engaged), Prior())


def test_draws_have_the_mean_and_the_spread_of_the_exact_posterior():
    posterior = seen(400)
    head = Head(posterior, draws=6000)
    arms, scores = head.arms(KEYS, CATEGORIES), np.full(8, 0.3)

    drawn = log_odds(head.values(Mode.THOMPSON, arms, scores, "door"))
    mean, deviation = head.belief(arms, scores, "door")

    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.04)
    np.testing.assert_allclose(drawn.std(axis=0), deviation, rtol=0.05)


def test_the_belief_is_that_of_the_whole_covariance_matrix():
    posterior = seen(400)
    head, scores = Head(posterior), np.full(1, 0.3)
    flat = np.block([
        [posterior.precision, posterior.coupling.T],
        [posterior.coupling, np.diag(posterior.arm_precision)],
    ])  # fmt: skip
    direction = np.zeros(len(flat))
    direction[0], direction[1] = 1.0, log_odds(scores)[0] - posterior.centre
    direction[2 + posterior.words.index("scene:desk")] = 1.0
    direction[2 + posterior.words.index("category:food")] = 1.0
    direction[len(posterior.shared) + posterior.arms.index("crv_1")] = 1.0

    mean, deviation = head.belief(head.arms(["crv_1"], ["food"]), scores, "desk")

    coefficients = np.concatenate([posterior.shared, posterior.effects])
    assert mean[0] == pytest.approx(log_odds(scores)[0] + direction @ coefficients)
    assert deviation[0] == pytest.approx(np.sqrt(direction @ np.linalg.inv(flat) @ direction))


def test_what_was_never_shown_is_the_least_certain():
    head = Head(seen(2000))

    _, deviation = head.belief(head.arms(KEYS, CATEGORIES), np.full(8, 0.3), "door")

    assert deviation[6:].min() > deviation[:6].max()


def test_a_scene_nobody_has_seen_adds_its_own_doubt():
    head = Head(seen(2000))
    arms, scores = head.arms(KEYS, CATEGORIES), np.full(8, 0.3)

    _, known = head.belief(arms, scores, "door")
    _, unknown = head.belief(arms, scores, "roof")

    assert (unknown > known).all()


def test_optimism_values_doubt_and_the_mean_does_not():
    head = Head(seen(2000))
    arms, scores = head.arms(KEYS, CATEGORIES), np.full(8, 0.3)

    mean = head.values(Mode.MEAN, arms, scores, "door")
    hopeful = head.values(Mode.LINUCB, arms, scores, "door")
    more = head.values(Mode.LINUCB, arms, scores, "door", optimism=2.0)

    gains = log_odds(hopeful) - log_odds(mean)
    np.testing.assert_allclose(gains, head.belief(arms, scores, "door")[1])
    assert (more > hopeful).all()
    assert gains[6:].min() > gains[:6].max()


def test_the_same_document_gives_the_same_worlds_everywhere():
    posterior = seen(100)
    here, there = Head(posterior), Head(Posterior.read(posterior.document()))

    values = [
        head.values(Mode.THOMPSON, head.arms(KEYS, CATEGORIES), np.full(8, 0.2), "roof") for head in (here, there)
    ]

    np.testing.assert_array_equal(*values)


def test_taking_some_arms_is_looking_those_up():
    head, chosen = Head(seen(100)), np.array([7, 0, 3])

    taken = head.arms(KEYS, CATEGORIES).take(chosen)

    asked = head.arms([KEYS[place] for place in chosen], [CATEGORIES[place] for place in chosen])
    np.testing.assert_array_equal(taken.drawn, asked.drawn)
    np.testing.assert_array_equal(taken.directions, asked.directions)
    assert len(taken) == 3


def test_scores_at_the_ends_stay_chances():
    head = Head(seen(100))

    values = head.values(Mode.THOMPSON, head.arms(KEYS, CATEGORIES), np.array([0.0, 1.0] * 4), "door")

    assert ((values > 0) & (values <= 1)).all()


def test_a_head_without_draws_is_refused():
    with pytest.raises(ValueError, match="at least one draw"):
        Head(seen(10), draws=0)


def test_logged_propensities_match_how_often_thompson_sampling_chose():
    head, exploration, draws = Head(seen(60), draws=16), Exploration(temperature=0.2, floor=0.05), 20_000
    worth = head.values(Mode.THOMPSON, head.arms(KEYS, CATEGORIES), np.linspace(0.1, 0.4, 8), "door")
    random = np.random.default_rng(11)
    counts, logged = Counter(), {}
    for _ in range(draws):
        first, second = draw(worth, 2, exploration, random)
        counts[first.index, second.index] += 1
        logged[first.index, second.index] = first.propensity * second.propensity

    # Monte Carlo only in the frequencies; 4.5 deviations of a frequency, of which there are 56
    for pair, propensity in logged.items():
        deviation = (propensity * (1 - propensity) / draws) ** 0.5
        assert counts[pair] / draws == pytest.approx(propensity, abs=4.5 * deviation)


def test_the_value_of_a_known_policy_is_found_without_bias_in_the_log_of_thompson_sampling():
    head, exploration, rounds = Head(seen(60), draws=16), Exploration(temperature=0.2, floor=0.1), 30_000
    truth = 1 / (1 + np.exp(1 - EFFECTS))
    worth = head.values(Mode.THOMPSON, head.arms(KEYS, CATEGORIES), np.full(8, 0.27), "desk")
    random = np.random.default_rng(5)
    target = probabilities(truth, Exploration(temperature=1.0, floor=0.0))
    shares = np.empty(rounds)
    for number in range(rounds):
        one = next(draw(worth, 1, exploration, random))
        shares[number] = (random.random() < truth[one.index]) * target[one.index] / one.propensity

    # two-sided at four deviations of the mean: the chance of failing by bad luck is 1 in 16,000 for any one seed
    assert shares.mean() == pytest.approx(truth @ target, abs=4 * shares.std() / rounds**0.5)


def test_exploring_finds_a_new_creative_that_never_exploring_leaves_undiscovered():
    truth = np.array([0.20, 0.18, 0.15, 0.15, 0.12, 0.10, 0.45, 0.05])  # the seventh is new and by far the best
    scores = np.array([0.20, 0.18, 0.15, 0.15, 0.12, 0.10, 0.08, 0.08])

    def last_rewards(mode: Mode) -> float:
        random, posterior = np.random.default_rng(2), learn(_rows([], []))
        shown: list[int] = []
        engaged: list[int] = []
        for batch in range(8):
            head = Head(posterior)
            worth = head.values(mode, head.arms(KEYS, CATEGORIES), scores, "door")
            for _ in range(250):
                one = next(draw(worth, 1, Exploration(temperature=0.05, floor=0.0), random))
                shown.append(one.index)
                engaged.append(int(random.random() < truth[one.index]))
            posterior = learn(_rows(shown, engaged), Prior(arm=0.8))
            del batch
        return float(truth[shown[-250:]].mean())

    def _rows(shown: list[int], engaged: list[int]) -> Observations:
        return Observations(
            ("door",) * len(shown), tuple(CATEGORIES[one] for one in shown), tuple(KEYS[one] for one in shown),
            log_odds(scores)[np.array(shown, dtype=np.intp)], np.ones(len(shown), dtype=np.int64),
            np.array(engaged, dtype=np.int64),
        )  # fmt: skip

    assert last_rewards(Mode.THOMPSON) > 0.38
    assert last_rewards(Mode.MEAN) < 0.25
