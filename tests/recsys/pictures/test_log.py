"""Pictures that lie beside a log join its rows by creative, whether the log is held or streamed."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.features import PICTURE, ForbiddenFeature
from recsys.guard import FeaturePolicy
from recsys.pictures.looks import Looks
from recsys.training.dataset import read_dataset, read_looks, read_split
from recsys.training.errors import BadRequest, UnreadableLooks
from recsys.training.request import TrainingRequest
from recsys.training.streaming import Streamed

WIDTH = 3


def vector_of(creative: str) -> np.ndarray:
    number = float(creative.removeprefix("creative-"))
    return np.array([number, -number, 1], dtype=np.float32)


@pytest.fixture(scope="module")
def looks(planted):
    """Every creative but those of the first ten has a picture, creative-20 only since the middle of the log."""
    middle = round(planted.rows[2_000]["at"].timestamp() * 1e6)
    vectors = {f"creative-{number}": vector_of(f"creative-{number}") for number in range(10, 60)}
    return Looks("an eye", WIDTH, vectors, {"creative-20": middle})


@pytest.fixture
def log(planted, write_log):
    return write_log(planted.rows[:4_000])


def expected(row, number, looks):
    known = row["creative"] in looks.vectors and (row["creative"] != "creative-20" or number >= 2_000)
    return vector_of(row["creative"]).tolist() if known else [0] * WIDTH


def test_every_row_of_a_held_log_has_the_picture_its_creative_had_then(planted, log, looks):
    examples = read_dataset(log, looks=looks)

    assert examples.vision == "an eye"
    assert examples.feeds[PICTURE].shape == (4_000, 1, WIDTH)
    found = examples.feeds[PICTURE][:, 0].tolist()
    assert found == [expected(row, number, looks) for number, row in enumerate(planted.rows[:4_000])]
    assert examples.take(np.array([5])).vision == "an eye"


def test_a_streamed_log_has_the_same_pictures_as_a_held_one(log, looks):
    held, split = read_split(log, looks=looks), read_split(log, looks=looks, held=500)
    source = Streamed(split.train.stream, lambda labels, tasks: labels.reshape(-1, 1))

    blocks = list(source.blocks(512, np.random.default_rng(1)))

    assert source.kinds[PICTURE] == ((1, WIDTH), "float32")
    pairs = [
        np.concatenate([feeds["creative"], feeds["hour"], feeds[PICTURE][:, 0]], axis=1)
        for feeds in (*(block[0] for block in blocks), held.train.feeds)
    ]
    streamed, whole = np.concatenate(pairs[:-1]), pairs[-1]
    np.testing.assert_array_equal(streamed[np.lexsort(streamed.T)], whole[np.lexsort(whole.T)])
    assert {part.vision for part in split} == {"an eye"}


@pytest.mark.parametrize("held", [500, 1_000_000])
def test_looks_that_know_no_creative_of_the_log_leave_it_as_it_is(log, held):
    strangers = Looks("an eye", WIDTH, {"somebody else's": np.ones(WIDTH, dtype=np.float32)})

    split = read_split(log, looks=strangers, held=held)

    assert PICTURE not in split.train.feeds
    assert split.train.vision == ""
    if split.train.stream is not None:
        assert PICTURE not in Streamed(split.train.stream, lambda labels, tasks: labels.reshape(-1, 1)).kinds


def test_a_scene_may_deny_pictures_as_any_other_feature(log, looks):
    policy = FeaturePolicy(frozenset({"creative_picture"}))

    with pytest.raises(ForbiddenFeature, match="creative_picture"):
        read_dataset(log, looks=looks, policy=policy)
    assert len(read_dataset(log, policy=policy)) == 4_000


def test_a_request_without_looks_or_with_an_empty_table_has_none(tmp_path, looks):
    Looks("an eye", WIDTH, {}).write(tmp_path / "empty")
    looks.write(tmp_path / "looks")

    assert read_looks(None) is None
    assert read_looks(tmp_path / "empty") is None
    assert len(read_looks(tmp_path / "looks")) == 50
    with pytest.raises(UnreadableLooks, match="export again"):
        read_looks(tmp_path / "absent")


def test_a_request_carries_looks_through_its_file_unless_it_promises_something_about_people(tmp_path):
    request = TrainingRequest(tmp_path / "log", tmp_path, looks=tmp_path / "looks")
    request.write(tmp_path / "request.json")

    assert TrainingRequest.read(tmp_path / "request.json") == request
    with pytest.raises(BadRequest, match="no pictures"):
        TrainingRequest(
            tmp_path / "log", tmp_path, kinds=("fm",), looks=tmp_path / "looks", retrieval=False, behaviour=False,
            shards=2, slices=1, shard_key="00" * 32,
        )  # fmt: skip
