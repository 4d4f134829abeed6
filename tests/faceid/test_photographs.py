"""The live photographs that packages carry, and splits that no person straddles."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.frame import from_rgb
from faceid.pipeline import Pipeline
from faceid.training.photographs import LARGEST_SIDE, PhotographMissing, photographs, without


def test_photographs_show_one_person_each_in_colour(carriers_dir: Path, pipeline: Pipeline) -> None:
    taken = list(photographs(carriers_dir))

    assert len(taken) == 27
    assert {photograph.person for photograph in taken} == set(range(21))
    for photograph in taken:
        assert max(photograph.image.shape[:2]) <= LARGEST_SIDE
        largest = pipeline.detector.faces(photograph.image)[0]
        assert largest.box[2] >= 85, photograph.file
        spread = photograph.image[..., 0].astype(float) - photograph.image[..., 2]
        assert abs(spread).mean() > 5, photograph.file


def test_two_numbers_are_two_people(carriers_dir: Path, pipeline: Pipeline) -> None:
    first = {}
    for photograph in photographs(carriers_dir):
        embedding = pipeline.faces(from_rgb(photograph.image))[0].embedding
        if embedding is not None:
            first.setdefault(photograph.person, embedding)

    alike = [
        (one, other) for one in first for other in first if one < other and float(first[one] @ first[other]) > 0.40
    ]

    assert len(first) == 21
    assert alike == []


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(PhotographMissing, match=r"brooke\.jpg.*make carriers"):
        next(photographs(tmp_path))


@given(st.lists(st.integers(0, 40), min_size=2), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_splits_cover_everybody_once(people: list[int], share: float, seed: int) -> None:
    if len(set(people)) < 2:
        with pytest.raises(ValueError, match="Two people"):
            without(people, share=share, seed=seed)
        return

    train, held = without(people, share=share, seed=seed)

    assert train | held == set(people)
    assert not train & held
    assert train
    assert held
    assert without(people, share=share, seed=seed) == (train, held)
