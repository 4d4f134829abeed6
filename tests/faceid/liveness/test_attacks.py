"""Attacks that are made: seeded, whole frames, the face where it is said to be, and the physics they claim."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceid.detect import Face
from faceid.liveness.attacks.camera import Camera, through_jpeg
from faceid.liveness.attacks.display import Bands
from faceid.liveness.attacks.light import smooth_field, to_linear, to_srgb, transfer
from faceid.liveness.attacks.placement import Bend, Placement
from faceid.liveness.attacks.present import alive, present, replay, waved_print
from faceid.liveness.attacks.species import STILLS, Species
from faceid.liveness.attacks.texture import sampled, tile, tiled
from faceid.pipeline import Pipeline

Picture = NDArray[np.uint8]

POINTS = np.array([[70, 80], [110, 80], [90, 100], [75, 120], [105, 120]], dtype=np.float32)
FACE = Face(np.array([50, 50, 80, 100], dtype=np.float32), 0.9, POINTS)


@pytest.fixture(scope="module")
def scene() -> Picture:
    smooth = smooth_field(np.random.default_rng(3), (200, 180), 6)
    picture = np.stack([smooth, np.roll(smooth, 20, 0), np.roll(smooth, 30, 1)], axis=2)
    return np.ascontiguousarray(np.clip(128 + 80 * picture, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("species", Species)
def test_the_same_seed_gives_the_same_attack_and_another_seed_another(scene: Picture, species: Species) -> None:
    first, again, other = (present(species, scene, FACE, np.random.default_rng(seed)) for seed in (1, 1, 2))

    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.face.landmarks, again.face.landmarks)
    assert not np.array_equal(first.image, other.image)
    assert first.species is species


@pytest.mark.parametrize("species", [None, *STILLS])
def test_the_picture_itself_is_left_as_it_was(scene: Picture, species: Species | None) -> None:
    before = scene.copy()

    generator = np.random.default_rng(0)
    made = alive(scene, FACE, generator) if species is None else present(species, scene, FACE, generator)

    assert np.array_equal(scene, before)
    assert made.image.dtype == np.uint8
    assert made.image.ndim == 3
    assert max(made.image.shape[:2]) <= 480


@pytest.mark.parametrize("species", [None, Species.PRINT, Species.WARPED_PRINT, Species.SCREEN, Species.CUT_PRINT])
def test_the_detector_finds_the_face_where_the_geometry_says(
    picture: Callable[[str], Picture], pipeline: Pipeline, species: Species | None
) -> None:
    image = picture("astronaut")
    face = pipeline.detector.faces(image)[0]
    gaps = []
    for seed in range(8):
        generator = np.random.default_rng(seed)
        made = alive(image, face, generator) if species is None else present(species, image, face, generator)
        found = pipeline.detector.faces(made.image)
        if found:
            gap = np.linalg.norm(found[0].landmarks - made.face.landmarks, axis=1).mean()
            gaps.append(gap / made.face.eye_distance)

    assert len(gaps) >= 5
    assert np.median(gaps) < 0.12


def test_light_survives_the_way_to_linear_and_back() -> None:
    codes = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, axis=2)

    back = to_srgb(to_linear(codes)) * 255

    assert np.abs(back - codes).max() < 1.6  # 4,096 steps of linear light are coarse in the shadows
    assert np.abs(back - codes)[:, 40:].max() < 0.5


def test_a_camera_keeps_less_of_finer_structure_and_nothing_at_one_cycle_per_pixel() -> None:
    kept = [transfer(frequency) for frequency in (0.0, 0.1, 0.3, 0.5, 0.8)]

    assert kept[0] == 1.0
    assert kept == sorted(kept, reverse=True)
    assert transfer(1.0) == pytest.approx(0.0, abs=1e-12)


@given(st.integers(0, 10_000), st.floats(0.0, 0.4), st.floats(0.3, 1.5))
def test_coordinates_undo_the_placement_of_points_even_when_bent(seed: int, steepness: float, waves: float) -> None:
    generator = np.random.default_rng(seed)
    image = np.zeros((200, 180, 3), dtype=np.uint8)
    placement = Placement.draw(generator, image, FACE, side=160, tilt=15.0)
    bent = placement.bent(Bend(steepness / (2 * math.pi * waves), 0.3, 1.0, waves))

    placed = bent.place(POINTS)
    x, y = bent.coordinates()

    for point, (column, row) in zip(POINTS, placed, strict=True):
        if 1 <= column < x.shape[1] - 2 and 1 <= row < x.shape[0] - 2:
            spot = np.array([[column]], dtype=np.float32), np.array([[row]], dtype=np.float32)
            back = [float(cv2.remap(plane, *spot, cv2.INTER_LINEAR)[0, 0]) for plane in (x, y)]
            assert back == pytest.approx(point.tolist(), abs=0.35)


def test_a_downscaled_sample_shows_no_moire_of_its_own() -> None:
    stripes = np.tile(np.array([0.0, 1.0], dtype=np.float32), 100)[None, :, None].repeat(200, 0).repeat(3, 2)
    rows, columns = np.mgrid[0:50, 0:50].astype(np.float32) * 4

    seen = sampled(stripes, columns, rows, scale=0.25)

    assert seen[5:-5, 5:-5].std() < 0.01
    assert seen[5:-5, 5:-5].mean() == pytest.approx(0.5, abs=0.01)


def test_tiles_have_no_broad_variation_and_repeat_without_a_seam() -> None:
    texture = tile(np.random.default_rng(1), 1.0)
    x, y = np.meshgrid(np.arange(0, 16, dtype=np.float32), np.arange(0, 16, dtype=np.float32))

    assert abs(float(texture.mean())) < 1e-5
    assert float(texture.std()) == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(tiled(texture, x, y), tiled(texture, x + 256, y + 512))


def test_bands_wander_with_time_and_never_brighten() -> None:
    bands = Bands(depth=0.3, period=40.0, duty=2.0, phase=0.0, drift=1.0)

    now, later = bands.gain(200, 0.0), bands.gain(200, 0.4)

    assert now.min() >= 0.7 - 1e-6
    assert now.max() <= 1.0 + 1e-6
    assert np.abs(now - later).max() > 0.2
    assert np.allclose(now, bands.gain(200, 1.0), atol=1e-4)


def test_the_exposure_of_a_camera_does_not_depend_on_how_bright_the_scene_is() -> None:
    camera = Camera(
        blur=0.0, flare=0.0, motion=(0.0, 0.0), target=0.2, adaptation=0.0, balance=(1.0, 1.0, 1.0), saturation=1.0,
        contrast=1.0, shot=0.0, read=0.0, grain=0.0, denoise=False, chroma=0.0, sharpen=0.0, quality=95,
    )  # fmt: skip
    scene = 0.1 + 0.05 * smooth_field(np.random.default_rng(0), (64, 64), 4)[..., None].repeat(3, 2)

    dark, bright = (camera.take(scene * gain, np.random.default_rng(0)) for gain in (0.2, 3.0))

    assert np.abs(dark.astype(int) - bright).max() <= 1
    assert to_linear(dark).mean() == pytest.approx(0.2, abs=0.03)


def test_jpeg_keeps_red_red() -> None:
    red = np.zeros((16, 16, 3), dtype=np.uint8)
    red[..., 0] = 200

    assert np.abs(through_jpeg(red, 95).astype(int) - red).max() <= 4


def test_a_replayed_film_keeps_its_length_and_shakes_a_little(scene: Picture) -> None:
    film = [(np.roll(scene, shift, axis=1), FACE) for shift in range(4)]

    made = replay(film, np.random.default_rng(0), side=160)

    assert [one.species for one in made] == [Species.REPLAY] * 4
    moved = [np.linalg.norm(one.face.landmarks - made[0].face.landmarks) for one in made[1:]]
    assert 0.0 < max(moved) < 30.0


def test_a_print_on_a_stand_does_not_move_and_a_waved_one_does(scene: Picture) -> None:
    still = waved_print(scene, FACE, np.random.default_rng(0), frames=3, shake=0.0, side=160)
    waved = waved_print(scene, FACE, np.random.default_rng(0), frames=3, shake=3.0, warped=True, side=160)

    assert np.array_equal(still[0].face.landmarks, still[2].face.landmarks)
    assert not np.array_equal(waved[0].face.landmarks, waved[2].face.landmarks)
    assert {one.species for one in still} == {Species.PRINT}
    assert {one.species for one in waved} == {Species.WARPED_PRINT}
