"""What a network is to expect of the future, and how it is measured."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.features import DEFAULT_SPEC, specify
from recsys.serving.calibration import Calibration
from recsys.serving.metadata import ModelMetadata
from recsys.serving.ranker import open_session
from recsys.training.dataset import read_dataset, split_by_time

pytestmark = [pytest.mark.training]

HOUR = 3_600_000_000
DAY = 24 * HOUR
SMALL = specify(viewers=101, creatives=101, categories=11, advertisers=11, screens=11, venues=11, history=6)


@pytest.fixture(scope="module")
def behaviour(planted, tmp_path_factory):
    """One training on a log that also knows for how long viewers looked: 20 s at what they love, else 2 s."""
    from recsys.training.behaviour import train_behaviour

    split = split_by_time(read_dataset(planted.path, spec=SMALL, max_rows=4_000))
    for part in split:
        part.tasks["dwell_seconds"] = np.where(part.labels == 1, 20.0, 2.0).astype(np.float32)
    output = tmp_path_factory.mktemp("behaviour")
    metadata = ModelMetadata("behaviour", SMALL.digest, "data", "now", Calibration())
    found = train_behaviour(split, SMALL, seed=1, metadata=metadata, output=output)
    assert found is not None
    return *found, output, split


def test_rows_with_a_history_are_taken_and_only_engagement_tells_what_comes_next(planted):
    from recsys.training.futures import futures

    examples = read_dataset(planted.path, max_rows=500)
    rows = planted.rows[-500:]

    found = futures(examples)

    told = [row for row in rows if row["history_creatives"] and row["viewer"] is not None]
    engaged = [row for row in told if row["label"]]
    assert len(found.known) == len(engaged)
    assert found.feeds["history_creative"].shape == (len(found), 50)
    assert np.isnan(found.targets[:, 1]).all()


def test_dwell_is_learnt_as_a_logarithm_and_missing_dwell_stays_unknown(planted):
    from recsys.training.futures import futures

    examples = read_dataset(planted.path, max_rows=500)
    seconds = np.where(np.arange(500) % 2, np.e - 1, np.nan).astype(np.float32)
    examples.tasks["dwell_seconds"] = seconds

    found = futures(examples).targets[:, 1]

    known = found[np.isfinite(found)]
    assert 0 < len(known) < len(found)
    np.testing.assert_allclose(known, 1, rtol=1e-6)


def test_a_return_is_between_an_hour_and_a_week_later():
    from recsys.training.futures import returns

    at = np.array([0, HOUR // 2, HOUR, 8 * DAY, 8 * DAY + HOUR, 20 * DAY], dtype=np.int64)
    viewers = np.array([0, 0, 0, 0, 0, 1], dtype=np.int32)

    found = returns(viewers, at)

    # an hour later exactly; half an hour is too soon and 8 days too late; nothing; an hour later; nothing; the log ends
    assert found[:2].tolist() == [1.0, 0.0]
    assert found[2:5].tolist() == [0.0, 1.0, 0.0]
    assert np.isnan(found[5])


def test_nobody_knows_whether_the_anonymous_come_back_or_what_comes_after_the_log():
    from recsys.training.futures import returns

    at = np.array([0, DAY, 2 * DAY], dtype=np.int64)

    assert np.isnan(returns(np.array([-1, -1, -1], dtype=np.int32), at)).all()
    assert np.isnan(returns(np.array([0, 1, 2], dtype=np.int32), at)).all()
    assert len(returns(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64))) == 0


def test_it_expects_what_viewers_keep_to_and_for_how_long_they_look(behaviour):
    report = behaviour[0]

    assert report.accuracy > report.popular_accuracy + 0.3
    assert report.log_loss < report.popular_log_loss
    assert report.dwell_error < report.typical_dwell_error + 0.05
    assert (report.return_log_loss, report.typical_return_log_loss) == (None, None)


def test_the_file_gives_expectations_and_the_state(behaviour):
    report, _, output, split = behaviour
    session = open_session((output / report.artefact.file).read_bytes())
    feeds = {name: split.test.feeds[name][:40] for name in ("history_creative", "history_category")}

    found = dict(zip([node.name for node in session.get_outputs()], session.run(None, feeds), strict=True))

    assert list(found) == ["following", "dwell", "return_visit", "summary"]
    assert {name: values.shape for name, values in found.items()} == {
        "following": (40, 11),
        "dwell": (40, 1),
        "return_visit": (40, 1),
        "summary": (40, 32),
    }
    np.testing.assert_allclose(found["following"].sum(axis=1), 1, atol=1e-5)
    empty = {name: np.zeros_like(ids) for name, ids in feeds.items()}
    assert not session.run(["summary"], empty)[0].any()


def test_a_ranking_network_begins_with_the_state_it_adopts(behaviour):
    from recsys.training.networks import build
    from recsys.training.networks.recurrent import adopt, adoptable

    weights = adoptable(behaviour[1])
    network = build("gru", SMALL, 9)
    before = network.get_layer("viewer_table").get_weights()[0]

    adopt(network, weights)

    assert set(weights) == {"creative_table", "category_table", "state"}
    for name, values in weights.items():
        for mine, theirs in zip(network.get_layer(name).get_weights(), values, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(network.get_layer("viewer_table").get_weights()[0], before)


def test_a_log_without_histories_trains_no_behaviour_model(planted, write_log, tmp_path):
    from recsys.training.behaviour import train_behaviour

    rows = [dict(row, history_creatives=[], history_categories=[]) for row in planted.rows[:300]]
    split = split_by_time(read_dataset(write_log(rows)))
    metadata = ModelMetadata("behaviour", DEFAULT_SPEC.digest, "data", "now", Calibration())

    assert train_behaviour(split, DEFAULT_SPEC, seed=1, metadata=metadata, output=tmp_path / "models") is None
    assert not (tmp_path / "models").exists()
