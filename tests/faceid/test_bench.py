from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.bench import Ratio, frame_of, gallery_ratio, interleaved, recall_at_one, recognition_ratio
from faceid.bench import templates_and_probes as drawn
from faceid.gallery import Gallery
from faceid.image import decode
from faceid.match import Entry
from faceid.pipeline import Pipeline

Picture = NDArray[np.uint8]


def test_the_frame_is_a_camera_frame_with_the_face_in_it(pipeline: Pipeline, picture: Callable[[str], Picture]):
    frame = decode(frame_of(picture("obama")), "image/jpeg")

    assert frame.shape == (480, 640, 3)
    assert len(pipeline.faces(frame)) == 1


def test_recognition_is_measured_against_the_sessions(pipeline: Pipeline, picture: Callable[[str], Picture]):
    measured = recognition_ratio(pipeline, picture("obama"), rounds=2)

    assert measured.ours > 0
    assert measured.bare > 0
    assert measured.ratio == measured.ours / measured.bare


def test_a_frame_without_a_face_measures_nothing(pipeline: Pipeline):
    with pytest.raises(ValueError, match="0 faces"):
        recognition_ratio(pipeline, np.zeros((480, 640, 3), dtype=np.uint8))


def test_exact_search_recalls_everything():
    measured = gallery_ratio(1000, rounds=2)

    assert measured.recall == 1.0
    assert measured.name == "exact search of 1,000 x 128 / numpy product"


def test_recall_counts_what_an_engine_misses():
    templates, probes = drawn(100, 100)
    half = [Entry(f"t{row}", f"s{row}", templates[row]) for row in range(50)]

    assert recall_at_one(Gallery("emb_benchmark", 128, half), templates, probes) == 0.5


def test_probes_resemble_their_templates_like_two_photographs():
    templates, probes = drawn(300, 200)

    assert (templates.shape, probes.shape) == ((300, 128), (200, 128))
    assert (templates[:200] * probes).sum(axis=1).mean() == pytest.approx(0.61, abs=0.03)


def test_calls_take_turns_after_one_warm_up():
    order: list[str] = []

    times = interleaved([lambda: order.append("a"), lambda: order.append("b")], rounds=2)

    assert order == ["a", "b"] * 3
    assert len(times) == 2


def test_a_ratio_says_how_many_times_the_bare_work_ours_takes():
    assert Ratio("x", 3.0, 2.0).ratio == 1.5
