"""People are dealt to shards and slices by a keyed hash."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.training.dataset import Examples
from recsys.training.errors import BadRequest
from recsys.training.unlearning.sharding import Sharding


@given(st.text(max_size=40), st.integers(1, 32), st.integers(1, 16), st.binary(max_size=64))
def test_everybody_has_one_place_that_the_key_decides(viewer: str, shards: int, slices: int, key: bytes) -> None:
    place = Sharding(shards, slices, key).place_of(viewer)

    assert 0 <= place.shard < shards
    assert 0 <= place.slice < slices
    assert Sharding(shards, slices, key).place_of(viewer) == place


def test_another_key_deals_people_otherwise() -> None:
    names = [f"viewer-{number}" for number in range(200)]
    ours, theirs = Sharding(4, 2, b"ours"), Sharding(4, 2, b"theirs")

    moved = sum(ours.place_of(name) != theirs.place_of(name) for name in names)

    assert moved > 150  # seven in eight, on average


def test_shards_are_of_similar_size() -> None:
    sharding = Sharding(4, 1, b"key")
    counts = np.bincount([sharding.place_of(f"viewer-{number}").shard for number in range(4_000)])

    assert counts.min() > 900
    assert counts.max() < 1_100


def test_all_rows_of_a_person_are_in_one_slice(people: Examples, two_by_two: Sharding) -> None:
    shards, slices = two_by_two.places(people)

    for code, viewer in enumerate(people.viewer.vocabulary):
        mine = people.viewer.codes == code
        assert set(zip(shards[mine], slices[mine], strict=True)) <= {tuple(two_by_two.place_of(viewer))}


def test_nobody_else_moves_when_somebody_goes(people: Examples, two_by_two: Sharding, without: Any) -> None:
    gone = people.viewer.vocabulary[0]
    stayed = people.viewer.codes != 0

    shards, slices = two_by_two.places(people)
    fewer_shards, fewer_slices = two_by_two.places(without(people, gone))

    assert fewer_shards.tolist() == shards[stayed].tolist()
    assert fewer_slices.tolist() == slices[stayed].tolist()


def test_passers_by_are_spread_as_well(people: Examples, two_by_two: Sharding) -> None:
    nobody = people.viewer.codes < 0
    shards, slices = two_by_two.places(people)

    assert set(zip(shards[nobody].tolist(), slices[nobody].tolist(), strict=True)) == {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize("numbers", [(0, 1), (33, 1), (2, 0), (2, 17)])
def test_numbers_out_of_range_are_refused(numbers: tuple[int, int]) -> None:
    with pytest.raises(BadRequest, match="must be between"):
        Sharding(*numbers)


def test_a_key_that_the_hash_cannot_take_is_refused_without_being_shown() -> None:
    with pytest.raises(BadRequest, match="65 bytes") as refusal:
        Sharding(2, 1, b"s" * 65)

    assert "sss" not in str(refusal.value)
    assert "secret" not in repr(Sharding(2, 1, b"secret"))
