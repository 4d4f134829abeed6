"""The most promising of many creatives are found exactly, whatever is eligible."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from recsys.features import DEFAULT_SPEC, Context, Item, Viewer, encode_items
from recsys.hashing import identifier
from recsys.serving.metadata import SPLIT, Calibration, ModelMetadata
from recsys.serving.ranker import Ranker, UnreadableModel
from recsys.serving.retrieval import TEMPERATURE, Towers
from recsys.serving.uniform import UniformRanker

CONTEXT = Context("screen-1", "venue-1", "retail", "checkout", hour=9, weekday=4, party=2)
CATALOGUE = encode_items([Item(f"creative-{number}", "shoes") for number in range(300)])
NO_HANDICAP = np.zeros(len(CATALOGUE))


def table(field: str, width: int = 8) -> np.ndarray:
    """Random unit vectors for every id of a field."""
    random = np.random.default_rng(len(field))
    vectors = random.normal(size=(DEFAULT_SPEC.sizes[field], width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@cache
def tower(field: str, width: int = 8) -> bytes:
    """A graph that looks a vector up by one feature."""
    nodes = [
        helper.make_node("Gather", ["table", field], ["found"]),
        helper.make_node("Squeeze", ["found", "axis"], ["vectors"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info(field, TensorProto.INT32, ["rows", 1])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["rows", width])],
        [
            numpy_helper.from_array(table(field, width), "table"),
            helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


@pytest.fixture(scope="module")
def towers() -> Towers:
    return Towers.open({"viewer": tower("viewer"), "creative": tower("creative")}, DEFAULT_SPEC)


def similarities(viewers: list[Viewer]) -> np.ndarray:
    """Every viewer against the whole catalogue, without any graph."""
    places = [identifier("viewer", viewer.key, DEFAULT_SPEC.sizes["viewer"]) for viewer in viewers]
    return table("viewer")[places] @ table("creative")[CATALOGUE.ids[0]].T


def in_turns(scores: np.ndarray, count: int) -> set[int]:
    """Each row's best column, then each row's second best, until there are enough."""
    turns = np.argsort(-scores, axis=1, kind="stable").T.ravel().tolist()
    return set(list(dict.fromkeys(turns))[:count])


@settings(max_examples=80, deadline=None)
@given(
    st.sets(st.integers(0, len(CATALOGUE) - 1), min_size=1),
    st.lists(st.sampled_from([None, "anna", "ben", "cleo"]), min_size=1, max_size=3, unique=True),
    st.integers(1, 40),
)
def test_what_is_found_among_the_eligible_is_what_comparing_all_of_them_finds(towers, chosen, keys, count):
    eligible = np.array(sorted(chosen), dtype=np.intp)
    viewers = [Viewer(key) for key in keys]

    found = towers.nearest(CONTEXT, viewers, CATALOGUE, eligible, count)

    assert found.tolist() == sorted(in_turns(similarities(viewers)[:, eligible], min(count, len(eligible))))


def test_a_handicap_in_nats_counts_as_log_odds(towers):
    eligible = np.arange(len(CATALOGUE))
    near = similarities([Viewer("anna")])[0]
    worst = int(near.argmin())
    enough = (near.max() - near[worst]) / TEMPERATURE

    def first(nats: float) -> int:
        handicap = np.where(eligible == worst, nats, 0.0)
        return int(towers.nearest(CONTEXT, [Viewer("anna")], CATALOGUE, eligible, 1, handicap)[0])

    assert first(enough * 0.99) == near.argmax()
    assert first(enough * 1.01) == worst


def test_no_more_than_enough_are_all_found_without_asking_the_towers(monkeypatch, towers):
    monkeypatch.setattr(Towers, "place_viewers", None)
    eligible = np.array([5, 9, 200])

    assert towers.nearest(CONTEXT, [Viewer()], CATALOGUE, eligible, 3).tolist() == [0, 1, 2]
    assert towers.nearest(CONTEXT, [], CATALOGUE, eligible, 1).tolist() == [0, 1, 2]


def test_a_catalogue_is_placed_once_and_a_changed_one_anew(monkeypatch):
    towers = Towers.open({"viewer": tower("viewer"), "creative": tower("creative")}, DEFAULT_SPEC)
    monkeypatch.setattr("recsys.serving.retrieval.PLACED_AT_ONCE", 7)
    other = CATALOGUE.take(range(20))

    first, again = towers.place_creatives(CATALOGUE), towers.place_creatives(CATALOGUE)
    changed = towers.place_creatives(other)

    assert again is first
    np.testing.assert_array_equal(first, table("creative")[CATALOGUE.ids[0]].T)
    np.testing.assert_array_equal(changed, first[:, :20])
    assert first.flags.c_contiguous


def packed(tmp_path: Any, write_model: Any, graphs: dict[str, bytes]) -> tuple[Any, str]:
    """A ranking model's file with towers inside."""
    model = onnx.load(write_model()[0])
    about = ModelMetadata("din", DEFAULT_SPEC.digest, "data", "now", Calibration(), SPLIT, towers=graphs)
    onnx.helper.set_model_props(model, about.properties())
    path = tmp_path / "packed.onnx"
    path.write_bytes(model.SerializeToString())
    return path, sha256(path.read_bytes()).hexdigest()


def test_a_ranker_shortlists_with_the_towers_in_its_file(tmp_path, write_model, towers):
    path, digest = packed(tmp_path, write_model, {"viewer": tower("viewer"), "creative": tower("creative")})
    ranker = Ranker.load(path, digest)
    eligible = np.arange(0, len(CATALOGUE), 2)

    found = ranker.shortlist(CONTEXT, [Viewer("ben")], CATALOGUE, eligible, 10, NO_HANDICAP[eligible])

    assert found.tolist() == towers.nearest(CONTEXT, [Viewer("ben")], CATALOGUE, eligible, 10).tolist()
    assert len(found) == 10
    assert ranker.metadata.towers == {}


def test_rankers_without_towers_leave_all_to_ranking(write_model):
    eligible = np.arange(50)

    for ranker in (Ranker.load(*write_model()), UniformRanker()):
        found = ranker.shortlist(CONTEXT, [Viewer()], CATALOGUE, eligible, 10, NO_HANDICAP[eligible])
        assert found.tolist() == list(range(50))


@pytest.mark.parametrize(
    ("graphs", "why"),
    [
        ({"viewer": tower("viewer")}, "towers are"),
        ({"viewer": tower("viewer"), "creative": b"no graph"}, "cannot be used"),
        ({"viewer": tower("viewer"), "creative": tower("creative", 4)}, r"\(1, 8\) and a creative in \(1, 4\)"),
        ({"viewer": tower("creative"), "creative": tower("viewer")}, "cannot be used"),
    ],
)
def test_a_model_whose_towers_do_not_fit_each_other_is_refused(tmp_path, write_model, graphs, why):
    with pytest.raises(UnreadableModel, match=why):
        Ranker.load(*packed(tmp_path, write_model, graphs))
