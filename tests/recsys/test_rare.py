"""Ids met too rarely share one vector; those met often enough, and nobody, have their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.columns import Words
from recsys.features import Feature, FeatureSpec
from recsys.training.dataset import Examples, Split, read_split
from recsys.training.rare import Rare, count

SPEC = FeatureSpec((Feature("viewer", 50), Feature("creative", 30), Feature("history_creative", 30, 3, "creative")))
FREQUENT = 20
"""Viewers from here on occur once each."""


def part(rows, seed):
    random = np.random.default_rng(seed)
    viewer = np.where(np.arange(rows) < 12, FREQUENT + np.arange(rows), random.integers(1, FREQUENT, rows))
    creative = random.integers(1, 30, rows)
    feeds = {
        "viewer": viewer.astype(np.int32)[:, None],
        "creative": creative.astype(np.int32)[:, None],
        "history_creative": random.integers(0, 30, (rows, 3)).astype(np.int32),
    }
    labels = ((viewer + creative) % 2).astype(np.float32)
    none = Words(("",), np.zeros(rows, dtype=np.int32))
    return Examples(feeds, labels, np.arange(rows), none, none, none, none)


@pytest.fixture(scope="module")
def split():
    return Split(part(1_000, 1), part(100, 2), part(100, 3))


def test_a_history_counts_for_the_table_that_it_shares():
    feeds = {
        "viewer": np.array([[7], [7], [9]], dtype=np.int32),
        "creative": np.array([[1], [2], [1]], dtype=np.int32),
        "history_creative": np.array([[1, 1, 0], [2, 0, 0], [0, 0, 0]], dtype=np.int32),
    }

    counts = count(SPEC, [feeds, feeds])

    assert sorted(counts) == ["creative", "viewer"]
    assert {place: int(times) for place, times in enumerate(counts["viewer"]) if times} == {7: 4, 9: 2}
    assert {place: int(times) for place, times in enumerate(counts["creative"]) if times} == {0: 12, 1: 8, 2: 4}


@given(st.lists(st.integers(0, 9), min_size=3, max_size=40), st.integers(2, 9))
def test_rare_ids_are_learnt_in_one_row_and_others_in_their_own(times, least):
    spec = FeatureSpec((Feature("viewer", len(times)),))
    ids = np.arange(len(times), dtype=np.int32)[:, None]

    found = Rare.of(spec, {"viewer": np.array(times, dtype=np.int32)}, least).learnt({"viewer": ids})["viewer"][:, 0]

    rare = [place for place in range(1, len(times)) if times[place] < least]
    assert found[0] == 0
    assert all(found[place] == (rare[0] if place in rare else place) for place in range(1, len(times)))


def test_one_occurrence_is_enough_unless_asked_otherwise(split):
    assert Rare.among(SPEC, split.train, 1).split(split) is split


def test_a_pass_over_a_stream_counts_what_a_held_log_has(planted, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    from recsys.features import DEFAULT_SPEC
    from recsys.training.schema import SCHEMA

    path = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pylist(planted.rows[:1_500], schema=SCHEMA), path, row_group_size=400)
    held, streamed = read_split(path), read_split(path, held=300)

    rare = [Rare.among(DEFAULT_SPEC, part.train, 25) for part in (held, streamed)]

    assert rare[0].rows.keys() == rare[1].rows.keys()
    for table, rows in rare[0].rows.items():
        np.testing.assert_array_equal(rows, rare[1].rows[table])
    as_it_is, replaced = (next(part.train.stream.chunks())["viewer"] for part in (streamed, rare[1].split(streamed)))
    assert len(np.unique(as_it_is)) > 40
    assert np.unique(replaced).tolist() == [0, 1]


@pytest.mark.training
def test_after_training_rare_and_unknown_viewers_have_the_vector_that_rare_ones_shared(split):
    from recsys.training.configuration import NetworkConfig
    from recsys.training.fit import fit
    from recsys.training.networks import build
    from recsys.training.tensorflow import seed_everything

    seed_everything(1)
    network = build(NetworkConfig.of("fm", least_seen=2), SPEC, 1)
    before = network.get_layer("viewer_table").weights[0].numpy()

    fit(network, split, stage="fm", epochs=1, batch_size=100)

    after = network.get_layer("viewer_table").weights[0].numpy()
    np.testing.assert_array_equal(after[FREQUENT:], np.broadcast_to(after[FREQUENT], (30, after.shape[1])))
    assert (after[FREQUENT] != before[FREQUENT]).any()
    assert len(np.unique(after[: FREQUENT + 1], axis=0)) == FREQUENT + 1


@pytest.mark.training
@pytest.mark.parametrize("least", [0, 1.5, 2_000_000])
def test_a_count_that_makes_no_sense_is_refused(least):
    from recsys.training.configuration import NetworkConfig
    from recsys.training.errors import BadRequest

    with pytest.raises(BadRequest, match="least_seen must be a whole number from 1 to 1000000"):
        NetworkConfig.of("fm", least_seen=least)
