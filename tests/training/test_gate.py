from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.training.dataset import SCHEMA, read_dataset, split_by_time
from recsys.training.metrics import Metrics
from training.gate import Measured, constant_forecast, judge


def figures(log_loss: float, auc: float | None = 0.7) -> Metrics:
    return Metrics(rows=90, positives=45, auc=auc, gauc=None, log_loss=log_loss, ece=0.01, ndcg=None)


BASE = figures(0.69, 0.5)


@pytest.mark.parametrize(
    ("challenger", "champion", "passes", "words"),
    [
        (figures(0.60), None, True, "beats the constant forecast"),
        (figures(0.69), None, False, "does not beat the constant forecast"),
        (figures(0.6899999), None, False, "does not beat the constant forecast"),
        (figures(0.60, 0.5), None, False, "no better than chance"),
        (figures(0.60, None), None, False, "no better than chance"),
        (figures(0.60), figures(0.61), True, "against the champion's"),
        (figures(0.60), figures(0.5985), True, "against the champion's"),
        (figures(0.60), figures(0.5975), False, "log loss 0.6000 is worse than the champion's 0.5975"),
        (figures(0.60, 0.70), figures(0.60, 0.704), True, "against the champion's"),
        (figures(0.60, 0.70), figures(0.60, 0.706), False, "AUC 0.7000 is worse than the champion's 0.7060"),
        (figures(0.695, 0.7), figures(0.70, 0.6), False, "does not beat the constant forecast"),
    ],
)
def test_the_verdict_follows_the_figures(
    challenger: Metrics, champion: Metrics | None, passes: bool, words: str
) -> None:
    verdict = judge(Measured(challenger, BASE, champion))

    assert verdict.passes is passes
    assert words in verdict.reason


def test_a_champion_that_must_go_gives_way_to_a_worse_model_that_has_learnt_something() -> None:
    better = figures(0.5)

    assert judge(Measured(figures(0.68), BASE, better), champion_must_go=True).passes
    assert not judge(Measured(figures(0.70), BASE, better), champion_must_go=True).passes


def test_the_constant_forecast_knows_the_rate_of_each_source(tmp_path: Path, log_row: Any) -> None:
    rows = [log_row(number, source="ratings" if number % 2 == 0 else "clicks") for number in range(400)]
    for number, row in enumerate(rows):
        row["label"] = int(number % 4 == 0 or number % 40 == 1)  # ratings: one half, clicks: one in twenty
    path = tmp_path / "examples.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    split = split_by_time(read_dataset(path))

    forecast = constant_forecast(split)

    earlier = len(split.train) + len(split.validation)
    assert earlier == 340
    named = np.array(split.test.source.vocabulary)[split.test.source.codes]
    rate = sum(row["label"] for row in rows[:340]) / 340
    assert forecast[named == "ratings"] == pytest.approx((85 + 20 * rate) / (170 + 20))
    assert forecast[named == "clicks"] == pytest.approx((9 + 20 * rate) / (170 + 20))
