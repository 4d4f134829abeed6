"""Whose presence is hidden: all rows of a person are one unit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from recsys.training.dataset import Examples
from recsys.training.private.units import gather


def _random(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_unit_is_a_person_or_a_row_without_one(people: Examples) -> None:
    units = gather(people, "person", 10_000, _random())

    owners = people.viewer.codes[units.rows]
    for start, stop in zip(units.starts[:-1], units.starts[1:], strict=True):
        assert len(set(owners[start:stop])) == 1
        assert owners[start] >= 0 or stop - start == 1
    anonymous = int((people.viewer.codes < 0).sum())
    assert len(units) == anonymous + len(np.unique(people.viewer.codes[people.viewer.codes >= 0]))
    assert sorted(units.rows) == list(range(len(people)))


def test_a_persons_rows_beyond_the_most_are_left_out(people: Examples) -> None:
    units = gather(people, "person", 7, _random())

    assert np.diff(units.starts).max() == 7
    assert len(set(units.rows)) == len(units.rows)
    assert set(gather(people, "person", 7, _random(2)).rows) != set(units.rows)


def test_rows_are_units_when_asked_for(people: Examples) -> None:
    units = gather(people, "row", 7, _random())

    assert np.diff(units.starts).tolist() == [1] * len(people)


def test_each_unit_is_drawn_by_itself_with_the_same_chance(people: Examples) -> None:
    units, random = gather(people, "person", 5, _random()), _random(3)
    counts = np.array([len(units.draw(0.1, random)[1]) - 1 for _ in range(400)])

    expected = 0.1 * len(units)
    assert counts.mean() == pytest.approx(expected, rel=0.05)
    assert counts.var() == pytest.approx(0.9 * expected, rel=0.3)  # a fixed number would vary by nothing


def test_a_draw_holds_whole_units(people: Examples) -> None:
    units = gather(people, "person", 5, _random())

    rows, starts = units.draw(0.2, _random(4))

    assert starts[0] == 0
    assert starts[-1] == len(rows)
    whole = {tuple(units.rows[a:b]) for a, b in zip(units.starts[:-1], units.starts[1:], strict=True)}
    assert {tuple(rows[a:b]) for a, b in itertools.pairwise(starts)} <= whole
    assert len(units.draw(0.0, _random())[0]) == 0
