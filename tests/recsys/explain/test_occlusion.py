"""Shares by leaving things out: exact where that is possible, complete always."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.explain.attribution import HISTORY, VIEWER
from recsys.explain.errors import ExplanationRefused, IncompleteAttribution
from recsys.explain.occlusion import EXACT_UP_TO, OcclusionExplainer
from recsys.features import Behaviour, Context, Item, Viewer, encode, encode_items, specify

SPEC = specify(viewers=101, creatives=211, categories=31, advertisers=11, screens=11, venues=11, history=20)
CONTEXT = Context(screen="s", venue="v", venue_category="retail", scene="till", hour=9, weekday=2, party=1)
ITEM = Item("crv_shoe", "shoes", "adv_1")


class Formula:
    """A ranker whose log-odds are a formula of the encoded rows."""

    spec = SPEC

    def __init__(self, formula):
        self.formula, self.rows = formula, 0

    def score(self, rows):
        self.rows += len(rows["viewer"])
        return 1 / (1 + np.exp(-self.formula({name: ids.astype(np.float64) for name, ids in rows.items()})))


def viewer(length, key="sub_1"):
    return Viewer(key, tuple(Behaviour(f"crv_{number}", f"category {number}") for number in range(length)))


def explain(formula, who):
    return OcclusionExplainer(Formula(formula)).explain(CONTEXT, who, ITEM)


def weight(ids):
    return (ids % 7 - 3) / 10


def additive(rows):
    return weight(rows["history_creative"]).sum(axis=1) + 0.3 * weight(0) + (rows["viewer"][:, 0] > 0) * 0.7 - 1


@pytest.mark.parametrize("length", [0, 3, 18], ids=["key alone", "all subsets", "sampled orders"])
def test_where_things_only_add_up_each_share_is_what_the_thing_adds(length):
    found = explain(additive, viewer(length))

    ids = encode(CONTEXT, [viewer(length)], encode_items([ITEM], SPEC), 0, SPEC)["history_creative"][0, :length]
    expected = weight(ids.astype(np.float64)) - weight(0.0)
    assert found.of(VIEWER) == pytest.approx(0.7, abs=1e-6)
    assert [found.by_place()[place] for place in range(length)] == pytest.approx(expected.tolist(), abs=1e-6)
    assert found.complete


def test_two_things_that_only_work_together_share_equally():
    def both(rows):
        return (rows["history_length"][:, 0] >= 2) * 2.0 - 1

    found = explain(both, viewer(2, key=None))

    assert [found.by_place()[0], found.by_place()[1]] == pytest.approx([1.0, 1.0], abs=1e-6)


def test_what_the_model_ignores_has_no_share():
    found = explain(lambda rows: (rows["viewer"][:, 0] > 0) * 1.0, viewer(5))

    assert list(found.by_place().values()) == pytest.approx([0.0] * 5, abs=1e-9)
    assert found.of(VIEWER) == pytest.approx(1.0, abs=1e-6)


def test_a_history_from_which_something_is_left_out_closes_up():
    asked = []

    def remember(rows):
        asked.append(rows)
        return np.zeros(len(rows["viewer"]))

    explain(remember, viewer(3, key=None))

    ids = encode(CONTEXT, [viewer(3)], encode_items([ITEM], SPEC), 0, SPEC)["history_creative"][0, :3]
    rows = {
        tuple(row[: int(length)]): row[int(length) :]
        for part in asked
        for row, length in zip(part["history_creative"].astype(int).tolist(), part["history_length"][:, 0], strict=True)
    }
    assert (ids[0], ids[2]) in rows
    assert (ids[1],) in rows
    assert all(not any(rest) for rest in rows.values())


def test_somebody_nobody_knows_anything_about_has_nothing_to_explain():
    found = explain(additive, Viewer())

    assert (found.difference, found.shares, found.complete) == (0.0, (), True)


def test_the_same_question_has_the_same_answer():
    assert explain(additive, viewer(15)) == explain(additive, viewer(15))


def test_rows_asked_for_are_bounded():
    ranker = Formula(additive)

    OcclusionExplainer(ranker).explain(CONTEXT, viewer(20), ITEM)

    assert ranker.rows <= 24 * 22 + 2


def test_a_model_that_answers_otherwise_each_time_is_not_explained():
    random = np.random.default_rng(0)

    with pytest.raises(IncompleteAttribution, match="unexplained"):
        explain(lambda rows: random.normal(0, 3, len(rows["viewer"])), viewer(12))


@settings(max_examples=30, deadline=None)
@given(
    length=st.integers(0, 20),
    keyed=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_shares_always_add_up_to_the_whole_difference(length, keyed, seed):
    weights = np.random.default_rng(seed).normal(0, 0.3, 512)

    def tangled(rows):
        ids = rows["history_creative"].astype(int)
        past = weights[ids % 512].sum(axis=1)
        return np.tanh(past) * weights[rows["viewer"][:, 0].astype(int)] * 5 + past * weights[ids[:, 0] % 512]

    found = explain(tangled, viewer(length, "sub_1" if keyed else None))

    assert abs(found.residual) < 1e-5
    assert len(found.shares) == length + keyed
    assert {share.feature for share in found.shares} <= {VIEWER, HISTORY}


def test_few_things_are_exact_and_many_are_sampled():
    assert EXACT_UP_TO < 12

    def pairs(rows):
        present = (rows["history_creative"] > 0).astype(float)
        return present[:, :-1].sum(axis=1) ** 2 / 50

    exact = explain(pairs, viewer(EXACT_UP_TO, key=None))
    sampled = explain(pairs, viewer(12, key=None))

    assert list(exact.by_place().values()) == pytest.approx([EXACT_UP_TO / 50] * EXACT_UP_TO, abs=1e-5)
    assert list(sampled.by_place().values()) == pytest.approx([12 / 50] * 12, abs=0.1)


def test_a_model_that_does_not_run_on_the_row_is_not_explained():
    def lacking(rows):
        raise KeyError("creative_picture")

    with pytest.raises(ExplanationRefused, match="creative_picture"):
        explain(lacking, viewer(3))
