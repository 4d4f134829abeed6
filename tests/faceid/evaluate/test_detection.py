import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.evaluate.detection import (
    FoundFace,
    LabelledFace,
    average_precision,
    intersection_over_union,
    match,
    mirrored,
    points_error,
    precision,
    precision_recall,
    recall,
)

POINTS = np.array([[30.0, 40], [70, 40], [50, 60], [35, 80], [65, 80]])


def found(left: float, score: float, points: np.ndarray = POINTS, side: float = 100.0) -> FoundFace:
    return FoundFace(np.array([left, 0.0, side, side]), score, points)


def marked(left: float, *, ignored: bool = False) -> LabelledFace:
    return LabelledFace(np.array([left, 0.0, 100.0, 100.0]), None, ignored)


def test_overlap_is_shared_area_over_joint_area():
    first, second = np.array([0.0, 0, 10, 10]), np.array([5.0, 0, 10, 10])

    assert intersection_over_union(first, second) == pytest.approx(1 / 3)
    assert intersection_over_union(first, first) == 1.0
    assert intersection_over_union(first, first + np.array([20.0, 0, 0, 0])) == 0.0
    assert intersection_over_union(np.zeros(4), np.zeros(4)) == 0.0


def test_finding_every_face_and_nothing_else_is_perfect():
    matching = match([([marked(0), marked(300)], [found(0, 0.9), found(300, 0.8)]), ([], [])])

    assert average_precision(matching) == 1.0
    assert recall(matching, 0.5).value == 1.0
    assert precision(matching, 0.5).value == 1.0
    assert (matching.faces, matching.pictures) == (2, 2)


def test_a_face_found_twice_counts_once():
    matching = match([([marked(0)], [found(0, 0.9), found(5, 0.8)])])

    assert matching.hits.tolist() == [True, False]
    assert average_precision(matching) == 1.0  # the second find comes after everything is found


def test_average_precision_is_the_area_under_the_envelope():
    # Falling scores: hit, miss, hit of two faces: precision 1 up to recall .5, then 2/3.
    matching = match([([marked(0), marked(300)], [found(0, 0.9), found(600, 0.8), found(300, 0.7)])])

    assert average_precision(matching) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert recall(matching, 0.75).value == 0.5


def test_a_face_that_need_not_be_found_counts_neither_way():
    seen = match([([marked(0, ignored=True), marked(300)], [found(0, 0.9), found(3, 0.85), found(300, 0.8)])])
    missed = match([([marked(0, ignored=True), marked(300)], [found(300, 0.8)])])

    assert (seen.faces, seen.hits.tolist()) == (1, [True])
    assert average_precision(seen) == average_precision(missed) == 1.0


def test_no_finds_have_no_precision():
    assert average_precision(match([([marked(0)], [])])) == 0.0
    assert np.isnan(average_precision(match([([], [])])))


def test_points_alone_label_a_face_whose_box_holds_them():
    label = LabelledFace(None, POINTS)

    near = match([([label], [found(0, 0.9, POINTS + 4.0)])])
    elsewhere = match([([label], [found(300, 0.9)])])

    assert near.hits.tolist() == [True]
    assert near.errors.tolist() == pytest.approx([4.0 * 2**0.5 / 40.0])
    assert elsewhere.hits.tolist() == [False]


def test_the_error_of_points_is_in_eye_distances():
    assert points_error(POINTS, POINTS) == 0.0
    assert points_error(POINTS, POINTS + np.array([4.0, 0.0])) == pytest.approx(0.1)
    assert points_error(2 * POINTS, 2 * POINTS + np.array([8.0, 0.0])) == pytest.approx(0.1)


def test_left_and_right_can_be_exchanged():
    assert mirrored(mirrored(POINTS)).tolist() == POINTS.tolist()
    assert mirrored(POINTS)[0].tolist() == POINTS[1].tolist()
    assert mirrored(POINTS)[2].tolist() == POINTS[2].tolist()


@given(st.integers(0, 10_000))
def test_average_precision_lies_between_0_and_1(seed: int):
    random = np.random.default_rng(seed)
    pictures = [
        (
            [marked(float(left)) for left in random.integers(0, 400, random.integers(0, 4))],
            [found(float(left), float(random.random())) for left in random.integers(0, 400, random.integers(0, 5))],
        )
        for _ in range(4)
    ]

    matching = match(pictures)

    if matching.faces:
        assert 0.0 <= average_precision(matching) <= 1.0
        assert (np.diff(precision_recall(matching)[0]) >= 0).all()
        assert matching.hits.sum() <= matching.faces
