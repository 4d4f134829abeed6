"""What liveness networks learn from: weights, variation, depth and log-odds."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.align import REFERENCE
from faceid.detect import Face
from faceid.evaluate.intervals import wilson
from faceid.liveness.capture import Look
from faceid.liveness.policy import Purpose
from faceid.mesh import FaceMesh
from faceid.pipeline import Pipeline
from faceid.training.depth_map import depth_map
from faceid.training.liveness_findings import findings
from faceid.training.photographs import PACKAGES, photographs
from faceid.training.platt import fit_line
from faceid.training.presentations import Sample, balance, examples, shaken, varied_look


def _face(landmarks: np.ndarray | None = None) -> Face:
    points = REFERENCE if landmarks is None else landmarks
    return Face(np.array([20, 20, 72, 90], dtype=np.float32), 0.9, points.astype(np.float32))


def test_living_and_attacks_weigh_the_same_and_so_do_species() -> None:
    species = ["print", None, "screen", "print", "print", None, None, None]

    weights = balance(species)

    assert weights.mean() == pytest.approx(1.0)
    shares = {one: sum(weights[index] for index, other in enumerate(species) if other == one) for one in set(species)}
    assert shares[None] == pytest.approx(4.0)
    assert shares["print"] == pytest.approx(2.0)
    assert shares["screen"] == pytest.approx(2.0)


def test_a_slope_is_drawn_as_a_slope_and_nothing_beside_it() -> None:
    # The reference landmarks map onto themselves, so the map is the crop of 112 pixels at 32: points from 28 to 84
    # come to lie from 8 to 24. Depth falls from 40 at the left to 0 at the right, so nearness rises from 0 to 1.
    grid = np.linspace(28.0, 84.0, 33)
    x, y = (values.ravel() for values in np.meshgrid(grid, grid))

    drawn = depth_map(np.column_stack([x, y, 40.0 * (84.0 - x) / 56.0]).astype(np.float32), _face())

    assert drawn.shape == (32, 32)
    np.testing.assert_allclose(drawn[10:23, 10:23], np.tile(np.arange(2, 15) / 16, (13, 1)), atol=0.01)
    outside = np.ones((32, 32), dtype=bool)
    outside[8:25, 8:25] = False
    assert not drawn[outside].any()


def test_depth_is_drawn_from_any_points_within_bounds() -> None:
    for points in ([[56, 56, 0]], [[0, 0, 5], [112, 112, -5]], [[1e6, -1e6, 3], [5, 5, 2]]):
        drawn = depth_map(np.array(points, dtype=np.float32), _face())

        assert np.isfinite(drawn).all()
        assert 0.0 <= drawn.min() <= drawn.max() <= 1.0


def test_a_living_face_has_its_nose_nearest(models_dir: Path, carriers_dir: Path, pipeline: Pipeline) -> None:
    surface = FaceMesh.load(models_dir)
    assert surface is not None
    photograph = next(one for one in photographs(carriers_dir) if one.file.endswith("biden.jpg"))
    face = pipeline.detector.faces(photograph.image)[0]

    drawn = depth_map(surface.points(photograph.image, face).points, face)

    row, column = np.unravel_index(int(drawn.argmax()), drawn.shape)
    # The nose's tip lies at 72 / 112 of the crop from above and at its middle from the left.
    assert abs(row - 20.5) <= 3
    assert abs(column - 16) <= 3
    assert drawn[0, 0] == 0.0
    assert 0.2 < drawn.mean() < 0.7


@given(st.integers(0, 2**32 - 1))
def test_variation_keeps_the_landmarks_on_the_face(seed: int) -> None:
    image = np.zeros((112, 112, 3), dtype=np.uint8)
    image[48:56, 34:42] = 255

    look = varied_look(Look(image, _face()), np.random.default_rng(seed))

    x, y = (round(float(value)) for value in look.face.landmarks[0])
    grey = look.image.mean(axis=2)
    assert grey[y, x] > grey.mean()
    assert look.image.dtype == np.uint8


@given(st.integers(0, 2**32 - 1))
def test_shaken_landmarks_keep_their_shape(seed: int) -> None:
    moved = shaken(_face(), np.random.default_rng(seed)).landmarks

    before, after = (np.linalg.norm(points[:, None] - points[None], axis=2) for points in (REFERENCE, moved))
    factor = after.sum() / before.sum()
    np.testing.assert_allclose(after, factor * before, atol=1e-2)
    assert 0.5 < factor < 2.0


def test_only_the_living_have_depth_and_frames_are_cut_alike(
    models_dir: Path, carriers_dir: Path, pipeline: Pipeline
) -> None:
    surface = FaceMesh.load(models_dir)
    assert surface is not None
    photograph = next(photographs(carriers_dir))
    look = Look(photograph.image, pipeline.detector.faces(photograph.image)[0])
    samples = [Sample(look, 0, None), Sample(look, 0, "print")]

    one = examples(samples, surface, np.random.default_rng(5), patches=3, varied=2)
    again = examples(samples, surface, np.random.default_rng(5), patches=3, varied=2)

    assert one.patches.shape == (4, 3, 48, 48, 3)
    assert one.crops.shape == (4, 128, 128, 3)
    assert one.live.tolist() == [True, True, False, False]
    assert (one.depths[:2].max(axis=(1, 2)) > 0.9).all()
    assert not one.depths[2:].any()
    np.testing.assert_array_equal(one.crops, again.crops)
    np.testing.assert_array_equal(one.patches, again.patches)
    assert (one.crops[0] != one.crops[1]).any()


def test_a_line_gives_back_the_log_odds_that_made_the_scores() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(0.0, 1.0, 40_000)
    chance = 1 / (1 + np.exp(-(3.0 * scores - 1.0)))
    positive = generator.random(40_000) < chance

    slope, intercept = fit_line(scores * 10 + 4, positive, np.ones(40_000))

    assert slope == pytest.approx(0.3, rel=0.05)
    assert slope * 4 + intercept == pytest.approx(-1.0, abs=0.08)


def test_scores_that_separate_perfectly_give_finite_odds() -> None:
    slope, intercept = fit_line(np.array([0.0, 1.0, 2.0, 3.0]), np.array([False, False, True, True]), np.ones(4))

    # Platt's targets for two and two are 3/4 and 1/4: the odds stay near their logarithm, log 3.
    odds = slope * np.array([0.0, 1.0, 2.0, 3.0]) + intercept
    assert np.isfinite(odds).all()
    assert odds[0] == pytest.approx(-odds[3], abs=1e-6)
    assert 0.5 < odds[3] < 2.5


def test_a_line_never_turns_scores_around() -> None:
    slope, _ = fit_line(np.array([0.0, 1.0, 2.0, 3.0]), np.array([True, True, False, False]), np.ones(4))

    assert slope > 0


def test_a_line_needs_both_kinds() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        fit_line(np.array([0.0, 1.0]), np.array([True, True]), np.ones(2))


def test_the_packages_that_a_bundle_names_are_the_ones_that_were_fetched() -> None:
    text = (Path(__file__).resolve().parents[3] / "requirements" / "carriers.in").read_text()

    for package in PACKAGES:
        name, version, _ = package.split()
        assert f"{name}=={version}" in text


def test_held_out_rates_are_of_people_and_say_where_the_attacks_come_from() -> None:
    scores = np.array([0.9, 0.2, 0.8, 0.7, 0.6, 0.1, 0.3, 0.4])
    species = [None, None, None, None, "print", "print", "screen", "screen"]

    found = findings(
        scores,
        species,
        [1, 1, 2, 2, 1, 2, 1, 2],
        {Purpose.SCREEN: 0.5},
        {"print": {"made"}, "screen": {"recorded", "made"}},
    )

    point = found["screen"]
    assert (point["worst"], point["apcer"]["print"]["value"], point["bpcer"]["value"]) == ("print", 0.5, 0.25)
    assert point["apcer"]["print"] == asdict(wilson(1, 2))
    assert point["bpcer"]["low"] == 0.0  # only one of the two people was refused, so resampled nobody may be
    assert point["bpcer"]["high"] == wilson(1, 4).high
    assert (point["acer"]["value"], point["acer"]["trials"]) == (0.375, 6)
    assert found["auc"]["screen"]["value"] == 0.75
    assert found["attacks"] == {"print": ["made"], "screen": ["made", "recorded"]}
    assert found["presentations"] == {"live": 4, "print": 2, "screen": 2}
    assert (found["people"], "made species say nothing of how real attacks fare" in found["means"]) == (2, True)
