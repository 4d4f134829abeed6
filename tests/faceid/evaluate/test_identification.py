from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.evaluate.identification import (
    Searches,
    cumulative_match,
    curves,
    false_negative_rate,
    false_negative_rate_at,
    false_positive_rate,
    search,
    wrong_person_rate,
)
from faceid.gallery import Gallery
from faceid.match import Entry, identify


def unit(random: np.random.Generator, count: int, dimension: int = 16) -> np.ndarray:
    vectors = random.standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def drawn(seed: int, people: int = 12, strangers: int = 10, noise: float = 0.5) -> Searches:
    random = np.random.default_rng(seed)
    centres = unit(random, people)
    probes = centres + noise * unit(random, people)
    probes = (probes / np.linalg.norm(probes, axis=1, keepdims=True)).astype(np.float32)
    shown = np.concatenate([probes, unit(random, strangers)])
    return search(centres, np.arange(people), shown, np.arange(people + strangers))


def test_a_search_names_mate_others_and_rank():
    gallery = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)

    found = search(gallery, np.array([7, 8, 8]), np.array([[0.6, 0.8], [1, 0]], dtype=np.float32), np.array([7, 99]))

    assert found.mate == pytest.approx([0.6, -np.inf])
    assert found.other == pytest.approx([1.0, 1.0])
    assert found.runner_up == pytest.approx([-np.inf, 0.6])
    assert found.rank.tolist() == [2, 0]
    assert found.mated.tolist() == [True, False]
    assert found.enrolled == 2


def test_a_probe_without_embedding_finds_nobody():
    probes = np.full((2, 2), np.nan, dtype=np.float32)

    found = search(np.eye(2, dtype=np.float32), np.array([0, 1]), probes, np.array([0, 5]))

    assert false_negative_rate(found, -1.0).value == 1.0
    assert false_positive_rate(found, -1.0).value == 0.0
    assert cumulative_match(found, 2).tolist() == [0.0, 0.0]


def test_somebody_whose_enrolment_failed_is_missed_and_no_stranger():
    found = search(np.eye(2, dtype=np.float32), np.array([0, 1]), np.eye(2, dtype=np.float32), np.array([0, 5]),
                   expected=[0, 1, 5])  # fmt: skip

    assert found.mated.tolist() == [True, True]
    assert false_negative_rate(found, 0.5).value == 0.5
    assert wrong_person_rate(found, 0.5).value == 0.5


def test_an_empty_gallery_is_refused():
    with pytest.raises(ValueError, match="Nobody"):
        search(np.empty((0, 2), dtype=np.float32), np.empty(0), np.eye(2, dtype=np.float32), np.array([0, 1]))


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.05, 0.2]))
def test_misses_rise_and_false_positives_fall_with_the_threshold(seed: int, margin: float):
    thresholds, fpir, fnir = curves(drawn(seed), margin)

    assert (np.diff(thresholds) > 0).all()
    assert (np.diff(fnir) >= 0).all()
    assert (np.diff(fpir) <= 0).all()


@given(st.integers(0, 10_000))
def test_the_cumulative_match_rises_to_everybody(seed: int):
    shares = cumulative_match(drawn(seed, people=12), 12)

    assert (np.diff(shares) >= 0).all()
    assert shares[-1] == 1.0


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.05, 0.2]), st.sampled_from([0.0, 0.3, 0.6]))
def test_the_rates_are_those_of_the_rule_in_use(seed: int, margin: float, threshold: float):
    random = np.random.default_rng(seed)
    templates, probes, venue = unit(random, 8, 4), unit(random, 6, 4), "lobby"
    gallery = Gallery("emb_test", 4, [Entry(f"t{row}", f"s{row // 2}", one) for row, one in enumerate(templates)])
    at = datetime(2026, 1, 1, tzinfo=UTC)

    named = identify(gallery, probes, at=at, venue=venue, threshold=threshold, margin=margin)

    found = search(templates, np.arange(8) // 2, probes, np.full(6, 9))
    assert (found.wrong(margin) >= threshold).tolist() == [one is not None for one in named]


def test_the_margin_keeps_people_apart_who_resemble_two():
    gallery = np.eye(2, dtype=np.float32)
    between = np.array([[0.72, 0.694]], dtype=np.float32)

    found = search(gallery, np.array([0, 1]), between, np.array([5]))

    assert false_positive_rate(found, 0.5, 0.0).value == 1.0
    assert false_positive_rate(found, 0.5, 0.05).value == 0.0


def test_misses_are_measured_where_the_false_positive_rate_is_kept():
    searches = Searches(
        person=np.arange(8), mated=np.arange(8) < 4, mate=np.array([0.9, 0.7, 0.5, 0.3, *[-np.inf] * 4]),
        other=np.array([0.0, 0.0, 0.0, 0.0, 0.6, 0.4, 0.2, 0.1]), runner_up=np.full(8, -np.inf),
        rank=np.array([1, 1, 1, 1, 0, 0, 0, 0]), enrolled=4,
    )  # fmt: skip

    point = false_negative_rate_at(searches, 0.25)

    assert point.threshold == pytest.approx(0.4, abs=1e-9)
    assert point.fnir.value == 0.25
    assert 0.25 in point.fnir
    assert not point.resolved


def test_the_interval_of_misses_covers_the_truth():
    random, truth, held = np.random.default_rng(8), 0.3085, 0
    for _ in range(40):
        mate, other = random.normal(2.8263, 1, 200), random.normal(0, 1, 2000)
        searches = Searches(
            person=np.arange(2200), mated=np.arange(2200) < 200, mate=np.append(mate, np.full(2000, -np.inf)),
            other=np.append(np.full(200, -9.0), other), runner_up=np.full(2200, -np.inf),
            rank=np.zeros(2200, dtype=np.int64), enrolled=200,
        )  # fmt: skip
        held += truth in false_negative_rate_at(searches, 0.01, rounds=100).fnir

    assert held >= 34
