"""A ranker serves the registered file or none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import numpy as np
import pytest
from onnx import TensorProto, helper

from recsys.features import (
    DEFAULT_SPEC,
    PICTURE,
    Behaviour,
    Candidates,
    Context,
    Item,
    Viewer,
    encode,
    encode_items,
    specify,
)
from recsys.pictures.looks import Looks
from recsys.serving.metadata import SPLIT, Calibration, ModelMetadata
from recsys.serving.protocol import RankerProtocol
from recsys.serving.ranker import DigestMismatch, OutdatedGraph, Ranker, SpecMismatch, UnreadableModel
from recsys.serving.uniform import UniformRanker

CONTEXT = Context("screen-1", "venue-1", "retail", "checkout", hour=9, weekday=4, party=2)
ITEMS = [Item(f"creative-{number}", "shoes") for number in range(5)]
CANDIDATES = encode_items(ITEMS)
VIEWERS = [Viewer(), Viewer("anna", (Behaviour("creative-1", "shoes"),))]


def logit(probabilities):
    return np.log(probabilities / (1 - probabilities))


def test_every_viewer_and_candidate_is_scored_in_order(write_model):
    ranker = Ranker.load(*write_model())

    scores = ranker.rank(CONTEXT, VIEWERS, CANDIDATES)

    expected = 1 / (1 + np.exp(-(CANDIDATES.ids[0] + CONTEXT.hour) * 3e-5))
    assert scores.shape == (2, 5)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [expected, expected], atol=1e-6)


def test_decisions_of_one_thread_do_not_write_over_each_other(write_model):
    ranker = Ranker.load(*write_model())
    later = Context("screen-1", "venue-1", "retail", "checkout", hour=20, weekday=4, party=2)

    first = ranker.rank(CONTEXT, VIEWERS, CANDIDATES)
    kept = first.copy()
    second = ranker.rank(later, VIEWERS, CANDIDATES)
    fewer = ranker.rank(later, VIEWERS[:1], CANDIDATES.take([3, 1]))

    np.testing.assert_array_equal(first, kept)
    np.testing.assert_allclose(logit(second) - logit(first), (20 - 9) * 3e-5, atol=1e-6)
    np.testing.assert_array_equal(fewer, second[:1, [3, 1]])


def test_candidates_may_lie_anywhere_in_memory(write_model):
    ranker = Ranker.load(*write_model())
    strided = Candidates(CANDIDATES.keys, np.asfortranarray(CANDIDATES.ids))

    np.testing.assert_array_equal(ranker.rank(CONTEXT, VIEWERS, strided), ranker.rank(CONTEXT, VIEWERS, CANDIDATES))


def test_the_version_is_the_digest_of_the_file(write_model):
    path, digest = write_model()

    assert Ranker.load(path, digest).version == digest


def test_nobody_and_nothing_score_to_nothing(write_model):
    ranker = Ranker.load(*write_model())

    assert ranker.rank(CONTEXT, [], CANDIDATES).shape == (0, 5)
    assert ranker.rank(CONTEXT, VIEWERS, encode_items([])).shape == (2, 0)


def test_a_file_with_another_digest_is_refused(write_model):
    path, digest = write_model()
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(DigestMismatch, match=digest):
        Ranker.load(path, digest)


def test_a_model_of_other_features_is_refused(write_model):
    path, digest = write_model(specify(viewers=101).digest)

    with pytest.raises(SpecMismatch, match=DEFAULT_SPEC.digest):
        Ranker.load(path, digest)


@pytest.mark.parametrize("about", [{"graph": "flat"}, {"drop": "graph"}])
def test_a_model_whose_viewers_and_candidates_are_not_apart_is_refused_with_the_remedy(write_model, about):
    with pytest.raises(OutdatedGraph, match=r"'flat'.*train it again"):
        Ranker.load(*write_model(**about))


def test_a_model_that_gives_no_score_for_every_pair_is_refused(write_model):
    with pytest.raises(UnreadableModel, match=r"shape \(1, 16\) for 2 viewers and 16 candidates"):
        Ranker.load(*write_model(viewer="creative"))


def test_rows_of_a_log_are_scored_one_viewer_and_one_candidate_each(write_model, monkeypatch):
    ranker = Ranker.load(*write_model())
    rows = {name: np.zeros((7, 1), dtype=np.int32) for name in DEFAULT_SPEC.singles}
    rows |= {name: np.zeros((7, 50), dtype=np.int32) for name in DEFAULT_SPEC.histories}
    rows["creative"] = np.arange(7, dtype=np.int32)[:, None] * 1_000
    rows["hour"] = np.arange(7, dtype=np.int32)[:, None]
    expected = 1 / (1 + np.exp(-np.arange(7) * 1_001 * 3e-5))

    whole = ranker.score(rows)
    monkeypatch.setattr("recsys.serving.ranker.SCORED_AT_ONCE", 3)
    in_parts = ranker.score(rows)

    assert whole.shape == (7,)
    np.testing.assert_allclose(whole, expected, rtol=1e-4)
    np.testing.assert_array_equal(whole, in_parts)


def test_a_decision_gives_every_pair_the_score_that_its_row_would_get(write_model):
    ranker = Ranker.load(*write_model())
    matrix = ranker.rank(CONTEXT, VIEWERS, CANDIDATES)

    for viewer, scores in zip(VIEWERS, matrix, strict=True):
        for number in range(len(CANDIDATES)):
            row = encode(CONTEXT, [viewer], CANDIDATES.take([number]))
            assert ranker.score(row).tolist() == [scores[number]]


def test_a_model_that_asks_for_what_nobody_knows_is_refused(write_model):
    with pytest.raises(UnreadableModel, match="does not run"):
        Ranker.load(*write_model(viewer="weather"))


def picture_model(path):
    """A split graph whose log-odds are the sum of a picture's three numbers, plus nothing for the hour."""
    nodes = [
        helper.make_node("ReduceSum", ["creative_picture", "last"], ["seen"], keepdims=0),
        helper.make_node("Cast", ["hour"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "zero"], ["nothing"]),
        helper.make_node("Add", ["seen", "nothing"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    graph = helper.make_graph(
        nodes,
        "pictures",
        [
            helper.make_tensor_value_info("creative_picture", TensorProto.FLOAT, ["groups", "candidates", 3]),
            helper.make_tensor_value_info("hour", TensorProto.INT32, ["viewers", 1]),
        ],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["viewers", "candidates"])],
        [
            helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
            helper.make_tensor("last", TensorProto.INT64, [1], [2]),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    about = ModelMetadata("din", DEFAULT_SPEC.digest, "data", "now", Calibration(), SPLIT, "an eye")
    helper.set_model_props(made, about.properties())
    path.write_bytes(made.SerializeToString())
    return path, sha256(path.read_bytes()).hexdigest()


def test_a_model_that_looks_at_pictures_is_given_those_of_the_candidates_or_zeros(tmp_path):
    ranker = Ranker.load(*picture_model(tmp_path / "model.onnx"))
    pictures = np.arange(15, dtype=np.float32).reshape(5, 3) / 10
    seen = encode_items(ITEMS, looks=Looks("an eye", 3, dict(zip(CANDIDATES.keys, pictures, strict=True))))

    chosen = ranker.rank(CONTEXT, VIEWERS, seen.take([4, 1]))

    np.testing.assert_allclose(logit(chosen), [pictures.sum(axis=1)[[4, 1]]] * 2, rtol=1e-4)
    assert seen.take([2]).pictures.tolist() == [pictures[2].tolist()]
    assert (ranker.rank(CONTEXT, VIEWERS, CANDIDATES) == 0.5).all()


def test_pictures_that_another_vision_described_mean_nothing_to_a_model(tmp_path):
    ranker = Ranker.load(*picture_model(tmp_path / "model.onnx"))
    pictures = np.ones((5, 3), dtype=np.float32)
    others = Candidates(CANDIDATES.keys, CANDIDATES.ids, pictures, "another eye")

    assert (ranker.rank(CONTEXT, VIEWERS, others) == 0.5).all()
    assert list(ranker.seeing({PICTURE: pictures, "hour": pictures}, "another eye")) == ["hour"]
    assert list(ranker.seeing({PICTURE: pictures, "hour": pictures}, "an eye")) == [PICTURE, "hour"]


def test_rows_of_a_log_are_scored_with_their_pictures_or_as_creatives_without_one(tmp_path):
    ranker = Ranker.load(*picture_model(tmp_path / "model.onnx"))
    rows = {"hour": np.zeros((2, 1), dtype=np.int32), "creative": np.ones((2, 1), dtype=np.int32)}
    pictures = np.array([[[0, 0, 1]], [[0, 0, -1]]], dtype=np.float32)

    np.testing.assert_allclose(logit(ranker.score(rows | {PICTURE: pictures})), [1, -1], rtol=1e-4)
    assert (ranker.score(rows) == 0.5).all()


def test_a_corrupt_file_is_refused_even_with_its_own_digest(tmp_path, write_model):
    whole = write_model()[0].read_bytes()
    for content in (b"", b"no onnx at all", whole[: len(whole) // 2]):
        path = tmp_path / "corrupt.onnx"
        path.write_bytes(content)

        with pytest.raises(UnreadableModel):
            Ranker.load(path, sha256(content).hexdigest())


@pytest.mark.parametrize("missing", ["spec", "kind", "calibration"])
def test_a_model_without_its_metadata_is_refused(write_model, missing):
    with pytest.raises(UnreadableModel, match=missing):
        Ranker.load(*write_model(drop=missing))


def test_a_model_that_gives_no_numbers_is_refused(write_model):
    with pytest.raises(UnreadableModel, match="finite"):
        Ranker.load(*write_model(output="nan"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        Ranker.load(tmp_path / "absent.onnx", "0" * 64)


def test_four_threads_that_share_a_ranker_get_the_answers_of_one(write_model):
    ranker = Ranker.load(*write_model())
    slates = [encode_items([Item(f"{size}-{n}", "x") for n in range(size)]) for size in range(1, 41)]
    alone = [ranker.rank(CONTEXT, VIEWERS, slate) for slate in slates]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda slate: ranker.rank(CONTEXT, VIEWERS, slate), slates * 5))

    for place, scores in enumerate(together):
        np.testing.assert_array_equal(scores, alone[place % len(slates)])


def test_the_uniform_ranker_prefers_nothing():
    ranker: RankerProtocol = UniformRanker(rate=0.25)

    scores = ranker.rank(CONTEXT, VIEWERS, CANDIDATES)

    assert scores.dtype == np.float32
    assert scores.tolist() == [[0.25] * 5] * 2
    assert ranker.version == "uniform"
