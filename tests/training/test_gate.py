from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from recsys.training.dataset import SCHEMA
from registry.terms import Gates
from training.gate import Measured, Verdict, constant_forecast, judge, read
from training.gates.checks import Rows
from training.gates.cohorts import cohorts
from training.gates.coverage import coverage

TERMS = Gates()
ROWS = 4_000


def rows(**changes: Any) -> Rows:
    """Rows of known chances: a third are engaging, the champion knows which, and so does the challenger."""
    random = np.random.default_rng(7)
    chances = np.where(np.arange(ROWS) % 3 == 0, 0.6, 0.2)
    labels = (random.random(ROWS) < chances).astype(np.float64)
    made = Rows(
        labels=labels, forecast=np.full(ROWS, labels.mean()), challenger=chances, champion=chances,
        viewers=np.arange(ROWS) % 50 - 1, coverage=(0.5, 0.5),
        cohorts={"scene=lobby": np.arange(ROWS) % 4 == 0, "scene=door": np.arange(ROWS) % 4 != 0},
    )  # fmt: skip
    return replace(made, **changes)


def verdict(made: Rows, terms: Gates = TERMS, **more: bool) -> Verdict:
    champion = made.metrics(made.champion) if made.champion is not None else None
    return judge(Measured(made.metrics(made.challenger), made.metrics(made.forecast), champion, made), terms, **more)


def failing(made: Rows, terms: Gates = TERMS) -> list[str]:
    return [check.name for check in verdict(made, terms).checks if not check.passes]


def noisy(scores: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    logits = np.log(scores / (1 - scores)) + np.random.default_rng(3).normal(0, size, len(scores))
    return 1 / (1 + np.exp(-logits))


def test_the_champions_twin_passes_every_gate_and_says_so() -> None:
    found = verdict(rows())

    assert found.passes
    assert "against the champion's" in found.reason
    assert [check.name for check in found.checks] == [
        "base rate", "chance", "calibration", "log loss", "AUC", "GAUC", "calibration against the champion", "coverage",
        "log loss of scene=lobby", "AUC of scene=lobby", "log loss of scene=door", "AUC of scene=door",
    ]  # fmt: skip
    assert all(check.judged and check.passes and check.measured is not None for check in found.checks)


def test_a_first_model_is_judged_alone() -> None:
    found = verdict(rows(champion=None))

    assert found.passes
    assert "beats the constant forecast" in found.reason
    assert [check.name for check in found.checks] == ["base rate", "chance", "calibration"]


@pytest.mark.parametrize("champion", [None, np.full(ROWS, 0.5)])
def test_a_model_that_knows_only_the_rate_learnt_nothing(champion: Any) -> None:
    made = rows(champion=champion)

    found = verdict(replace(made, challenger=made.forecast))

    assert not found.passes
    assert "does not beat the constant forecast" in found.reason
    assert "no better than chance" in found.reason


def test_a_noisier_challenger_fails_by_name_with_figures_and_intervals() -> None:
    made = rows()
    made = replace(made, challenger=noisy(made.challenger, 1.0))

    found = verdict(made)

    checks = {check.name: check for check in found.checks}
    assert not found.passes
    assert {"log loss", "AUC", "GAUC"} <= set(failing(made))
    assert checks["log loss"].threshold == TERMS.log_loss_tolerance
    low, high = checks["log loss"].interval or (0, 0)
    assert 0 < low < (checks["log loss"].measured or 0) < high
    assert checks["log loss"].sentence in found.reason
    assert found.document()[0]["passes"] is False


def test_a_challenger_whose_numbers_are_too_large_fails_on_calibration_alone() -> None:
    made = rows()
    terms = Gates(log_loss_tolerance=1.0, cohort_log_loss_tolerance=1.0)

    found = failing(replace(made, challenger=made.challenger + 0.15), terms)

    assert found == ["calibration", "calibration against the champion"]


def test_calibration_is_not_asked_beyond_what_chance_allows() -> None:
    few = {name: value[:60] for name, value in {"labels": rows().labels, "challenger": rows().challenger}.items()}
    made = rows(**few, forecast=np.full(60, 0.3), champion=None, viewers=np.full(60, -1), cohorts={})

    [check] = [check for check in verdict(made, Gates(ece_ceiling=0.0)).checks if check.name == "calibration"]

    assert check.passes
    assert 0.05 < (check.threshold or 0) < 0.3


def test_a_challenger_that_shows_half_the_catalogue_no_more_fails_on_coverage() -> None:
    assert failing(rows(coverage=(0.24, 0.5))) == ["coverage"]
    assert failing(rows(coverage=(0.25, 0.5))) == []
    assert failing(rows(coverage=(None, 0.5))) == []


def test_a_better_average_is_not_bought_with_one_cohort() -> None:
    made = rows()
    champion = noisy(made.challenger, 0.8)
    challenger = np.where(made.cohorts["scene=lobby"], 0.9 - champion, made.challenger).clip(0.01, 0.99)

    found = verdict(
        replace(made, champion=champion, challenger=challenger),
        Gates(log_loss_tolerance=1, auc_tolerance=1, gauc_tolerance=1, ece_tolerance=1, ece_ceiling=1),
    )

    failed = {check.name for check in found.checks if not check.passes}
    assert {"log loss of scene=lobby", "AUC of scene=lobby"} <= failed
    assert not {name for name in failed if "door" in name}
    assert "for certain" in found.reason


def test_a_small_cohort_is_named_and_not_judged() -> None:
    made = rows(cohorts={"scene=lobby": np.arange(ROWS) < 199})

    [check] = [check for check in verdict(made).checks if "lobby" in check.name]

    assert (check.judged, check.passes, check.measured) == (False, True, None)
    assert "199 rows are too few" in check.sentence


def test_one_class_and_no_viewers_leave_ranks_unjudged() -> None:
    made = rows(viewers=np.full(ROWS, -1))

    checks = {check.name: check for check in verdict(made).checks}

    assert (checks["GAUC"].judged, checks["GAUC"].passes) == (False, True)


def test_a_champion_that_must_go_gives_way_to_a_worse_model_that_has_learnt_something() -> None:
    made = rows()
    worse, nothing = replace(made, challenger=noisy(made.challenger, 0.7)), replace(made, challenger=made.forecast)

    assert not verdict(worse).passes
    assert verdict(worse, champion_must_go=True).passes
    assert not verdict(nothing, champion_must_go=True).passes


def test_the_constant_forecast_knows_the_rate_of_each_source(tmp_path: Path, log_row: Any) -> None:
    made = [log_row(number, source="ratings" if number % 2 == 0 else "clicks") for number in range(400)]
    for number, row in enumerate(made):
        row["label"] = int(number % 4 == 0 or number % 40 == 1)  # ratings: one half, clicks: one in twenty
    path = tmp_path / "examples.parquet"
    pq.write_table(pa.Table.from_pylist(made, schema=SCHEMA), path)
    later = read(path)

    forecast = constant_forecast(later)

    assert later.earlier == {"ratings": (170, 85), "clicks": (170, 9)}
    named = np.array(later.test.source.vocabulary)[later.test.source.codes]
    rate = sum(row["label"] for row in made[:340]) / 340
    assert forecast[named == "ratings"] == pytest.approx((85 + 20 * rate) / (170 + 20))
    assert forecast[named == "clicks"] == pytest.approx((9 + 20 * rate) / (170 + 20))


def test_cohorts_are_places_viewers_and_novelty(tmp_path: Path, log_row: Any) -> None:
    made = [log_row(number, viewer="sub_1" if number % 4 == 0 else None) for number in range(400)]
    for number, row in enumerate(made):
        row["scene"] = "door" if number % 5 == 0 else "lobby"
        row["creative"] = "crv_brand_new" if number >= 390 else row["creative"]
    path = tmp_path / "examples.parquet"
    pq.write_table(pa.Table.from_pylist(made, schema=SCHEMA), path)

    found = cohorts(read(path))

    assert {name: int(mask.sum()) for name, mask in found.items()} == {
        "venue_category=entertainment.movie_theaters": 60, "scene=door": 12, "scene=lobby": 48, "viewer=known": 15,
        "viewer=anonymous": 45, "creative=new": 10, "creative=known": 50,
    }  # fmt: skip
    assert not any(word in name for name in found for word in ("age", "sex", "gender", "ethnic"))


def feeds(creatives: int, count: int) -> dict[str, NDArray[np.int32]]:
    numbers = np.arange(count, dtype=np.int32)[:, None]
    return {"creative": numbers % creatives, "category": numbers % 3, "advertiser": numbers * 0, "viewer": numbers}


def test_a_model_with_favourites_covers_them_alone_and_one_with_tastes_covers_all() -> None:
    made = feeds(100, 1000)

    favourites = coverage(lambda pairs: pairs["creative"][:, 0].astype(np.float32), made)
    tastes = coverage(
        lambda pairs: -np.abs(pairs["creative"] - pairs["viewer"] * 7 % 100)[:, 0].astype(np.float32), made
    )

    assert favourites == 0.1
    assert tastes is not None
    assert tastes > 0.95
    assert coverage(lambda pairs: pairs["creative"][:, 0].astype(np.float32), feeds(9, 100)) is None
