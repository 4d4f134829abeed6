"""What counts as drift, on rows made for the purpose."""

import json
from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys.features import Candidates, Context, Item, Viewer
from training.drift import embedding, stability
from training.drift.findings import Finding, Scored, calibration_drift, data_drift, embedding_drift
from training.drift.reference import OTHER, Profile, Row, reference, shortened

COUNTS = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 200), max_size=8)


class Tastes:
    """A ranker that likes creatives by their number, more so in the morning."""

    version = "tastes"

    def rank(
        self, context: Context, viewers: list[Viewer], candidates: Candidates, position: int = 0
    ) -> NDArray[np.float32]:
        liking = np.array([int(key.removeprefix("crv_")) for key in candidates.keys]) / 40
        odds = (liking - 0.5) * (3 if context.hour < 12 else 1)
        return np.float32(1 / (1 + np.exp(-odds)))[None, :]


def rows(count: int = 2_000, seed: int = 1, *, shift: int = 0, scene: float = 0.5) -> list[Row]:
    random = np.random.default_rng(seed)
    return [
        Row(
            creative=f"crv_{random.integers(0, 20) + shift}", category="movies", advertiser=None, screen=f"scr_{n % 3}",
            venue="ven_1", venue_category="retail", scene="lobby" if random.random() < scene else "door",
            hour=int(random.integers(8, 20)), weekday=n % 7, position=n % 2, party=1, known=n % 4 == 0,
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def learnt() -> Profile:
    kept = Profile.read(json.loads(json.dumps(reference(rows(), Tastes()))))
    assert kept is not None
    return kept


def drifted(findings: list[Finding]) -> dict[str, str]:
    return {f"{finding.kind} {finding.subject}".strip(): finding.severity for finding in findings}


def test_the_index_is_the_sum_it_is_known_as() -> None:
    value = stability.stability({"a": 4_999.5, "b": 4_999.5}, {"a": 7_499.5, "b": 2_499.5})

    assert value == pytest.approx(0.25 * log(0.75 / 0.5) + -0.25 * log(0.25 / 0.5), abs=1e-3)


@given(one=COUNTS, other=COUNTS)
def test_the_index_is_symmetric_never_negative_and_nothing_between_equals(
    one: dict[str, int], other: dict[str, int]
) -> None:
    assert stability.stability(one, other) == pytest.approx(stability.stability(other, one))
    assert stability.stability(one, other) >= 0
    assert stability.stability(one, one) == 0


def test_chance_is_stayed_below_ninety_nine_times_in_a_hundred() -> None:
    random = np.random.default_rng(9)
    words, shares = [f"w{number}" for number in range(12)], random.dirichlet([5] * 12)
    over = 0
    for _ in range(400):
        one, other = (dict(zip(words, random.multinomial(size, shares), strict=True)) for size in (3_000, 800))
        over += stability.stability(one, other) > stability.chance(one, other)

    assert over / 400 < 0.03


def test_rows_of_the_same_kind_have_not_drifted(learnt: Profile) -> None:
    fresh = rows(800, seed=2)

    assert data_drift(learnt, fresh) == []
    assert embedding_drift(learnt, fresh, Tastes()) == []


def test_a_scene_that_is_now_most_of_all_rows_is_major(learnt: Profile) -> None:
    [finding] = data_drift(learnt, rows(800, seed=2, scene=0.95))

    assert (finding.kind, finding.subject, finding.severity) == ("feature", "scene", "major")
    assert finding.value > finding.threshold == 0.25
    assert "scene" in finding.sentence


def test_a_feature_that_goes_missing_is_told_by_name(learnt: Profile) -> None:
    fresh = [replace(row, venue_category="") if n % 10 == 0 else row for n, row in enumerate(rows(800, seed=2))]

    found = drifted(data_drift(learnt, fresh))

    assert found["missing venue_category"] == "moderate"


def test_creatives_nobody_learnt_from_are_counted_and_lie_elsewhere(learnt: Profile) -> None:
    fresh = rows(800, seed=2, shift=15)

    assert drifted(data_drift(learnt, fresh)) == {"unseen creative": "major"}
    assert drifted(embedding_drift(learnt, fresh, Tastes())) == {"embedding": "major"}


def test_few_rows_prove_nothing(learnt: Profile) -> None:
    assert data_drift(learnt, rows(499, seed=2, scene=0.0)) == []
    assert reference(rows(499), Tastes()) == {}
    assert calibration_drift([Scored(0.9, False)] * 499) == []


def test_forecasts_that_are_too_high_for_certain_are_told() -> None:
    random = np.random.default_rng(4)
    plays = [Scored(0.3, bool(random.random() < 0.2)) for _ in range(2_000)]
    fair = [Scored(0.2, bool(random.random() < 0.2)) for _ in range(2_000)]

    assert drifted(calibration_drift(plays)) == {"calibration": "major"}
    assert calibration_drift(fair) == []


def test_what_is_kept_names_nobody_and_stays_small(learnt: Profile) -> None:
    kept = json.dumps(reference([replace(row, screen=f"scr_{n}") for n, row in enumerate(rows())], Tastes()))

    assert "sub_" not in kept
    assert len(kept) < 20_000
    assert learnt.words["viewer"] == {"known": 500, "anonymous": 1500}


def test_rare_words_are_one_and_stay_comparable() -> None:
    counts = {f"w{number}": 100 - number for number in range(100)}
    short = shortened(counts)

    assert len(short) == 61
    assert sum(short.values()) == sum(counts.values())
    assert stability.stability(short, shortened(counts, keep=set(short) - {OTHER})) == 0


def test_the_distance_of_clouds_is_the_one_of_normal_distributions() -> None:
    eye = np.eye(2)
    origin = embedding.Cloud(np.zeros(2), eye)

    assert embedding.distance(origin, origin) == pytest.approx(0, abs=1e-9)
    assert embedding.distance(origin, embedding.Cloud(np.array([2.0, 0]), eye)) == pytest.approx(4 / 2)
    assert embedding.distance(origin, embedding.Cloud(np.zeros(2), 4 * eye)) == pytest.approx(2 / 2)  # (2 - 1)^2 each


def test_two_samples_of_one_cloud_are_close() -> None:
    items = [Item(f"crv_{number}", "movies") for number in range(20)]
    panel = [Context("s", "v", "c", "x", hour, 1, 1) for hour in (9, 15)]
    points = embedding.embed(Tastes(), panel, items)
    random = np.random.default_rng(8)

    one, other = (embedding.cloud(points, random.multinomial(500, [0.05] * 20).astype(float)) for _ in range(2))

    assert embedding.distance(one, other) < 0.05
