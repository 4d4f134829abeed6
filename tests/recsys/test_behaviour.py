"""Histories become sequences, oldest first."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.features import specify
from recsys.training.dataset import read_dataset, split_by_time

pytestmark = [pytest.mark.training]


def test_histories_are_turned_around_and_padded_behind():
    from recsys.training.behaviour import oldest_first

    newest_first = np.array([[3, 2, 1, 0], [7, 0, 0, 0], [4, 3, 2, 1], [0, 0, 0, 0]], dtype=np.int32)

    turned = oldest_first(newest_first, np.array([3, 1, 4, 0], dtype=np.int32))

    assert turned.tolist() == [[1, 2, 3, 0], [7, 0, 0, 0], [1, 2, 3, 4], [0, 0, 0, 0]]


def test_only_positive_rows_with_a_history_are_sequences(planted):
    from recsys.training.behaviour import Sequences

    examples = read_dataset(planted.path, max_rows=500)
    rows = planted.rows[-500:]

    sequences = Sequences.of(examples)

    chosen = [row for row in rows if row["label"] and row["history_creatives"]]
    assert len(sequences) == len(chosen)
    assert sequences.feeds["sequence"].shape == (len(chosen), 20)
    assert sequences.feeds["length"][:, 0].tolist() == [min(len(row["history_creatives"]), 20) for row in chosen]


def test_a_shorter_history_than_the_window_is_no_obstacle(planted):
    from recsys.training.behaviour import Sequences

    sequences = Sequences.of(read_dataset(planted.path, spec=specify(history=5), max_rows=500))

    assert sequences.feeds["sequence"].shape[1] == 5
    assert sequences.feeds["length"].max() == 5


def test_a_log_without_histories_trains_no_behaviour_model(planted, write_log, tmp_path):
    from recsys.features import DEFAULT_SPEC
    from recsys.serving.metadata import Calibration, ModelMetadata
    from recsys.training.behaviour import train_behaviour

    rows = [dict(row, history_creatives=[], history_categories=[]) for row in planted.rows[:300]]
    split = split_by_time(read_dataset(write_log(rows)))
    metadata = ModelMetadata("behaviour", DEFAULT_SPEC.digest, "data", "now", Calibration())

    assert train_behaviour(split, DEFAULT_SPEC, seed=1, metadata=metadata, output=tmp_path / "models") is None
    assert not (tmp_path / "models").exists()
