"""Features are encoded alike for training and for serving."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.columns import WordLists, Words, encode_columns
from recsys.features import (
    DEFAULT_SPEC,
    ITEM_WORDS,
    Behaviour,
    Context,
    Feature,
    FeatureSpec,
    Item,
    Viewer,
    encode,
    encode_items,
    encode_viewers,
    specify,
)
from recsys.hashing import Identifiers, identifier, stable_hash

CONTEXT = Context("screen-1", "venue-1", "retail", "checkout", hour=9, weekday=4, party=2)
words = st.text(max_size=8)
behaviours = st.builds(Behaviour, words, words)
viewers = st.builds(Viewer, st.none() | words, st.lists(behaviours, max_size=60).map(tuple))
items = st.builds(Item, words, words, st.none() | words)
numbers = st.integers(-3, 400)
contexts = st.builds(Context, words, words, words, words, hour=numbers, weekday=numbers, party=numbers)


def columns_of(context: Context, people: list[Viewer], shown: list[Item], position: int) -> dict:
    """The same examples as a log would hold them: one row per viewer and creative."""
    pairs = [(viewer, item) for viewer in people for item in shown]
    rows = len(pairs)
    return {
        "words": {
            "viewer": Words.of([viewer.key for viewer, _ in pairs]),
            "creative": Words.of([item.creative for _, item in pairs]),
            "category": Words.of([item.category for _, item in pairs]),
            "advertiser": Words.of([item.advertiser for _, item in pairs]),
        }
        | {name: Words.of([getattr(context, name)] * rows) for name in ("screen", "venue", "venue_category", "scene")},
        "numbers": {name: np.full(rows, getattr(context, name)) for name in ("hour", "weekday", "party")}
        | {"position": np.full(rows, position)},
        "histories": {
            "history_creative": WordLists.of([[seen.creative for seen in viewer.history] for viewer, _ in pairs]),
            "history_category": WordLists.of([[seen.category for seen in viewer.history] for viewer, _ in pairs]),
        },
    }


@settings(max_examples=60, deadline=None)
@given(contexts, st.lists(viewers, min_size=1, max_size=3), st.lists(items, min_size=1, max_size=4), numbers)
def test_training_columns_and_a_decision_encode_the_same(context, people, shown, position):
    served = encode(context, people, encode_items(shown), position)
    logged = encode_columns(**columns_of(context, people, shown, position))

    assert set(served) == set(logged) == set(DEFAULT_SPEC.names)
    for name in DEFAULT_SPEC.names:
        if name in ITEM_WORDS:
            assert served[name].shape == (1, len(shown))
            rows = np.tile(served[name][0], len(people))[:, None]
        else:
            assert len(served[name]) == len(people)
            rows = np.repeat(served[name], len(shown), axis=0)
        np.testing.assert_array_equal(rows, logged[name], err_msg=name)
        assert served[name].dtype == logged[name].dtype == np.int32
        assert served[name].flags.c_contiguous


@settings(max_examples=60, deadline=None)
@given(contexts, viewers, items, numbers)
def test_every_id_lies_in_its_vocabulary(context, viewer, item, position):
    feeds = encode(context, [viewer], encode_items([item]), position)

    for feature in DEFAULT_SPEC.features:
        assert feeds[feature.name].shape == (1, feature.length)
        assert 0 <= feeds[feature.name].min() <= feeds[feature.name].max() < feature.size


def test_viewers_encoded_in_place_leave_nothing_of_those_before():
    people = [Viewer("anna", (Behaviour("a", "x"),)), Viewer()]
    singles = np.full((len(DEFAULT_SPEC.viewer_singles), 2, 1), 7, dtype=np.int32)
    histories = np.full((2, 2, 50), 7, dtype=np.int32)

    encode_viewers(CONTEXT, people, 3, DEFAULT_SPEC, singles, histories)

    fresh = encode(CONTEXT, people, encode_items([]), 3)
    for name, ids in zip((*DEFAULT_SPEC.viewer_singles, *DEFAULT_SPEC.histories), (*singles, *histories), strict=True):
        np.testing.assert_array_equal(ids, fresh[name], err_msg=name)
    assert histories[:, 0, 1:].max() == histories[:, 1].max() == 0


def test_viewers_and_candidates_are_encoded_once_each():
    candidates = encode_items([Item("a", "x"), Item("b", "y", "brand"), Item("a", "y")])

    feeds = encode(CONTEXT, [Viewer(), Viewer("anna")], candidates)

    anna = identifier("viewer", "anna", DEFAULT_SPEC.sizes["viewer"])
    assert feeds["viewer"].tolist() == [[0], [anna]]
    assert feeds["hour"].tolist() == [[9], [9]]
    assert feeds["creative"].shape == (1, 3)
    assert feeds["creative"][0, 0] == feeds["creative"][0, 2] != feeds["creative"][0, 1]
    assert feeds["advertiser"][0, 0] == 0 != feeds["advertiser"][0, 1]


def test_a_field_forgets_its_words_before_they_fill_the_memory(monkeypatch):
    monkeypatch.setattr("recsys.hashing.MOST_WORDS", 3)
    known = Identifiers("creative", 1_009)

    found = [known[word] for word in ("a", "b", "c", "d", "a", None)]

    assert found == [identifier("creative", word, 1_009) for word in ("a", "b", "c", "d", "a", None)]
    assert set(known) == {"d", "a", None}


def test_histories_are_cut_after_fifty_and_padded_behind():
    short = Viewer("anna", (Behaviour("a", "x"), Behaviour("b", "y")))
    long = Viewer("ben", tuple(Behaviour(f"c{n}", "x") for n in range(70)))

    feeds = encode(CONTEXT, [short, long], encode_items([Item("a", "x")]))

    assert feeds["history_length"][:, 0].tolist() == [2, 50]
    assert feeds["history_creative"][0, 0] == feeds["creative"][0, 0]
    assert (feeds["history_creative"][0, 2:] == 0).all()
    assert (feeds["history_creative"][1] > 0).all()


def test_hours_wrap_and_counts_stop_at_the_last_bucket():
    late = Context("s", "v", "c", "z", hour=25, weekday=8, party=400)

    feeds = encode(late, [Viewer()], encode_items([Item("a", "x")]), position=99)

    assert [int(feeds[name][0, 0]) for name in ("hour", "weekday", "party", "position")] == [1, 1, 9, 9]


def test_candidates_are_taken_in_the_order_asked_for():
    candidates = encode_items([Item(key, "x") for key in "abcd"])

    taken = candidates.take([3, 1])

    assert taken.keys == ("d", "b")
    assert taken.ids.tolist() == candidates.ids[:, [3, 1]].tolist()
    assert candidates.take([2]).keys == ("c",)
    assert candidates.take([]).keys == ()
    assert len(candidates.take([])) == 0


def test_nobody_and_nothing_encode_to_nothing():
    feeds = encode(CONTEXT, [], encode_items([]))

    assert feeds["creative"].shape == (1, 0)
    assert feeds["hour"].shape == (0, 1)
    assert feeds["history_creative"].shape == (0, 50)


def test_hashes_never_change():
    assert stable_hash("creative", "crv_1") == 1_231_458_210_650_912_722
    assert identifier("viewer", None, 101) == 0


def test_hashes_are_the_same_in_a_process_with_another_seed():
    script = "from recsys.hashing import stable_hash; print(stable_hash('creative', 'crv_1'))"

    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "12"}
    )

    assert int(found.stdout) == stable_hash("creative", "crv_1")


def test_equal_words_of_two_fields_differ():
    assert stable_hash("category", "coffee") != stable_hash("creative", "coffee")


def test_the_digest_follows_every_size_and_name():
    digests = {
        DEFAULT_SPEC.digest,
        specify(viewers=101).digest,
        specify(history=20).digest,
        FeatureSpec((*DEFAULT_SPEC.features, Feature("weather", 9))).digest,
    }

    assert len(digests) == 4
    assert specify().digest == DEFAULT_SPEC.digest


@pytest.mark.parametrize("features", [(Feature("hour", 24), Feature("hour", 24)), (Feature("hour", 1),)])
def test_a_senseless_specification_is_refused(features):
    with pytest.raises(ValueError, match="feature"):
        FeatureSpec(features)


@pytest.mark.parametrize("module", ["recsys.features", "recsys.serving.ranker", "recsys.serving.uniform"])
def test_serving_loads_neither_tensorflow_nor_training_libraries(module):
    heavy = "('tensorflow', 'keras', 'tf_keras', 'deepctr', 'sklearn', 'pyarrow', 'onnx', 'django')"
    script = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
