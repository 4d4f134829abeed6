"""What counting says of creatives is counted in the train part, weighed on the validation part, and in the graph."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.features import DEFAULT_SPEC, Feature, FeatureSpec
from recsys.hashing import identifier
from recsys.training.weighing import SPREAD, weigh

pytestmark = [pytest.mark.training]

CREATIVES, NEVER_ENGAGED, NEVER_SHOWN = 25, range(13, 21), range(21, 25)
SPEC = FeatureSpec(
    (
        Feature("viewer", 9),
        Feature("creative", CREATIVES),
        Feature("category", 5),
        Feature("history_length", 3),
        Feature("history_creative", CREATIVES, 2, table="creative"),
        Feature("history_category", 5, 2, table="category"),
    )
)


def shown(rows: int, creatives: range, rates: Any, random: np.random.Generator) -> Any:
    """Rows of anybody with anything; labels by a rate for each creative."""
    creative = random.choice(np.array(creatives), rows).astype(np.int32)
    history = random.integers(1, 13, (rows, 2)).astype(np.int32)
    feeds = {
        "viewer": random.integers(0, 9, (rows, 1)).astype(np.int32),
        "creative": creative[:, None],
        "category": random.integers(1, 5, (rows, 1)).astype(np.int32),
        "history_length": np.full((rows, 1), 2, dtype=np.int32),
        "history_creative": history,
        "history_category": random.integers(1, 5, (rows, 2)).astype(np.int32),
    }
    labels = (random.random(rows) < np.asarray(rates)[creative]).astype(np.float32)
    return SimpleNamespace(feeds=feeds, labels=labels, tasks={}, stream=None, total=rows)


@pytest.fixture(scope="module")
def counted() -> Any:
    """Relate a network that has learnt nothing; later, people want what nobody has engaged with, or met."""
    from recsys.training.configuration import NetworkConfig
    from recsys.training.dataset import Split
    from recsys.training.items import relate, without
    from recsys.training.networks import build
    from recsys.training.tensorflow import seed_everything

    random = np.random.default_rng(5)
    before, after = np.full((2, CREATIVES), 0.2)
    before[13:], after[13:21], after[21:] = 0.0, 0.6, 0.9
    split = Split(
        shown(900, range(1, 21), before, random),
        shown(900, range(1, 25), after, random),
        shown(900, range(1, 25), after, random),
    )
    seed_everything(3)
    network = build(NetworkConfig.of("dotdin", item_item=4, hidden=[8], width=4, narrow=4), SPEC, 3)
    told = relate(network, without(network), split)
    return network, split, told


def said_of(network: Any) -> np.ndarray:
    """What is added to the log-odds of each creative, whoever asks."""
    found: np.ndarray = network.get_layer("creative_table").get_weights()[0][:, -1]
    return found


def test_what_nobody_engaged_with_so_far_is_told_from_what_is_new(counted):
    from recsys.training.fit import score

    network, split, told = counted
    said = said_of(network)

    assert "whether nobody engaged with it" in told
    assert "whether it is new" in told
    for ids in (NEVER_ENGAGED, NEVER_SHOWN):
        assert said[ids].std() == pytest.approx(0, abs=0.15)
    assert said[NEVER_SHOWN].mean() > 0.5 + said[NEVER_ENGAGED].mean()
    assert said[NEVER_ENGAGED].mean() > 1.0 + said[1:13].mean()
    found, creative = score(network, split.test), split.test.feeds["creative"][:, 0]
    assert [found[np.isin(creative, ids)].mean() for ids in (range(1, 13), NEVER_ENGAGED, NEVER_SHOWN)] == (
        pytest.approx([0.2, 0.6, 0.9], abs=0.06)
    )


def test_an_id_that_nobody_met_has_no_weights_from_any_creative_and_the_count_of_none(counted):
    """Words that come later have ids by a hash, of which the train part knows nothing."""
    network, _, _ = counted
    ids = [identifier("creative", f"creative {number}", CREATIVES) for number in range(200)]
    unmet = sorted({each for each in ids if each in NEVER_SHOWN})

    columns = network.get_layer("creative_table").get_weights()[0][:, -10:]

    assert unmet == list(NEVER_SHOWN)
    assert (columns[unmet, :9] == 0).all()
    assert np.unique(columns[unmet, 9]).shape == (1,)
    assert (columns[:, 4] == 0).all()


def test_the_file_says_the_same(counted):
    from recsys.serving.calibration import Calibration
    from recsys.serving.metadata import ModelMetadata
    from recsys.serving.ranker import open_session
    from recsys.training.export import convert

    network, split, _ = counted
    content = convert(network, ModelMetadata("dotdin", SPEC.digest, "data", "2026-01-01T00:00:00+00:00", Calibration()))
    session = open_session(content)
    rows = {name: ids[:50] for name, ids in split.test.feeds.items()}
    items = {name: np.ascontiguousarray(rows[name].T) for name in ("creative", "category")}

    np.testing.assert_allclose(session.run(None, rows)[0], network(rows), atol=1e-6)
    decided = session.run(None, rows | items)[0]
    np.testing.assert_allclose(decided, network(rows | items), atol=1e-6)
    np.testing.assert_allclose(np.diag(decided)[:, None], network(rows), atol=1e-6)


def test_what_is_wrong_of_those_whom_nobody_knows_is_not_said(counted):
    """Beside what a history says, being new speaks for a creative; without one, it speaks as much against it."""
    from recsys.training.counting import Counts
    from recsys.training.items import _counted

    _, split, _ = counted
    new = np.isin(split.validation.feeds["creative"][:, 0], NEVER_SHOWN)
    known = np.where(new, -1.0, 0.0) + np.random.default_rng(6).normal(0, 1, len(new))
    labels = (np.random.default_rng(7).random(len(new)) < 1 / (1 + np.exp(-known - 2.0 * new))).astype(np.float32)
    split = split._replace(validation=SimpleNamespace(feeds=split.validation.feeds, labels=labels))
    counts, alone = Counts.of(split.train, CREATIVES), weigh(known, [], labels)

    said, best = _counted(counts, split, (known, known), [], alone)
    unsaid, same = _counted(counts, split, (known, known + 4.0 * new), [], alone)

    assert said in (["whether it is new"], ["how often it was shown"])
    assert best.betters(alone)
    assert unsaid == []
    assert same == alone


def test_labels_after_the_train_part_are_not_counted(counted):
    from recsys.training.counting import Counts

    _, split, _ = counted
    counts = Counts.of(split.train, CREATIVES)

    assert counts.shown.sum() == len(split.train.labels)
    assert (counts.shown[list(NEVER_SHOWN)] == 0).all()
    assert (counts.shown[list(NEVER_ENGAGED)] > 0).all()
    assert (counts.engaged[list(NEVER_ENGAGED)] == 0).all()
    base = split.train.labels.mean()
    assert counts.rate()[21] == pytest.approx(np.log(base / (1 - base)))
    assert counts.rate()[13] < counts.rate()[21]


def test_a_log_too_long_to_be_held_is_counted_whole(planted, tmp_path):
    from recsys.training.counting import Counts
    from recsys.training.dataset import SCHEMA, read_dataset, read_split, split_by_time

    path = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pylist(planted.rows[:2_000][::-1], schema=SCHEMA), path, row_group_size=700)
    held, streamed = split_by_time(read_dataset(path)).train, read_split(path, held=500).train
    whole, read = (Counts.of(part, DEFAULT_SPEC.sizes["creative"]) for part in (held, streamed))

    assert len(streamed) < len(held)
    np.testing.assert_array_equal(read.shown, whole.shown)
    np.testing.assert_array_equal(read.engaged, whole.engaged)
    assert whole.shown.sum() == len(held)
    assert 0 < whole.engaged.sum() == held.labels.sum()


def test_what_was_counted_may_be_subtracted_and_a_network_may_not():
    random = np.random.default_rng(2)
    learnt, count = random.normal(size=(2, 3_000))
    labels = (random.random(3_000) < 1 / (1 + np.exp(0.9 * learnt + 0.7 * count))).astype(np.float32)

    alone = weigh(learnt, [], labels)
    both = weigh(learnt, [], labels, [count])

    assert alone.slope == both.slope == 0
    assert both.betters(alone)
    assert both.counted[0] == pytest.approx(-0.6, abs=0.12)
    assert not weigh(learnt, [count], labels).betters(alone)


def test_few_rows_that_agree_make_no_certainty():
    labels = (np.arange(2_000) % 4 == 0).astype(np.float32)
    rare = ((np.arange(2_000) % 100) == 0).astype(np.float64)

    found = weigh(np.zeros(2_000), [], labels, [rare])

    assert rare.sum() == labels[rare == 1].sum() == 20
    assert 2 < found.counted[0] < 2 * SPREAD
