"""Colour texture, image distortion and tone: known values, and what must not matter to them."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceid.detect import Face
from faceid.liveness import distortion, texture, tone
from faceid.liveness.attacks.light import smooth_field, to_linear, to_srgb
from faceid.liveness.capture import Look
from faceid.liveness.crops import SIDE, SKIN_SIDE, face_crop, skin_crop

Picture = NDArray[np.uint8]


def _skin(seed: int = 0, side: int = 96) -> Picture:
    field = smooth_field(np.random.default_rng(seed), (side, side), 12)
    shades = np.stack([180 + 40 * field, 130 + 35 * field, 110 + 30 * field], axis=2)
    noise = np.random.default_rng(seed).normal(0, 3, shades.shape)
    return np.ascontiguousarray(np.clip(shades + noise, 0, 255).astype(np.uint8))


def test_a_flat_channel_is_all_one_pattern() -> None:
    codes = texture.local_binary_patterns(np.full((20, 20), 77, dtype=np.uint8), 2)

    assert codes.shape == (16, 16)
    assert set(codes.ravel().tolist()) == {57}  # all eight neighbours as bright: the last of the 58 uniform codes


def test_a_bright_dot_is_the_pattern_without_brighter_neighbours() -> None:
    channel = np.zeros((9, 9), dtype=np.uint8)
    channel[4, 4] = 200

    assert texture.local_binary_patterns(channel, 1)[3, 3] == 0


@given(st.integers(0, 1000), st.sampled_from([1, 2, 4]))
def test_patterns_do_not_change_with_brightness_or_contrast(seed: int, radius: int) -> None:
    channel = np.random.default_rng(seed).integers(0, 100, (24, 24)).astype(np.uint8)

    first = texture.local_binary_patterns(channel, radius)

    assert np.array_equal(first, texture.local_binary_patterns((channel * 2 + 17).astype(np.uint8), radius))


def test_phases_are_those_of_the_short_term_transform_at_every_pixel() -> None:
    channel = np.random.default_rng(0).integers(0, 255, (15, 15)).astype(np.uint8)
    window = texture.WINDOW
    values = channel.astype(np.float64) - channel.mean()
    places = np.arange(window) - window // 2
    wave = np.exp(2j * np.pi * places / window)
    flat = np.ones(window)

    planes = texture._frequencies(values.astype(np.float32), window)

    patch = values[4 : 4 + window, 4 : 4 + window]
    middle = 4 + window // 2
    for index, (down, along) in enumerate([(flat, wave), (wave, flat), (wave, wave), (np.conj(wave), wave)]):
        expected = (patch * np.outer(down, along)).sum()
        pair = planes[2 * index : 2 * index + 2, middle, middle]
        got = complex(*pair)
        assert min(abs(got - expected), abs(got - np.conj(expected))) < 0.05


def test_phases_hardly_change_with_blur_while_patterns_do() -> None:
    channel = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    channel = np.asarray(cv2.GaussianBlur(channel, (0, 0), 1.5), dtype=np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(channel, (0, 0), 1.0), dtype=np.uint8)

    bits = np.unpackbits((texture.local_phases(channel) ^ texture.local_phases(blurred)).ravel())

    assert bits.mean() < 0.15


def test_a_colour_texture_has_unit_length_per_histogram() -> None:
    features = texture.colour_texture(_skin())

    assert features.shape == (texture.LENGTH,) == (1299,)
    assert (features**2).sum() == pytest.approx(12.0, abs=1e-4)


def test_an_analysis_of_distortion_has_the_length_of_the_paper() -> None:
    features = distortion.distortion(_skin())

    assert features.shape == (distortion.LENGTH,) == (121,)
    assert np.isfinite(features).all()


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_a_picture_of_one_colour_is_described_without_failing(red: int, green: int, blue: int) -> None:
    plain = np.full((40, 40, 3), (red, green, blue), dtype=np.uint8)

    for features in (distortion.distortion(plain), texture.colour_texture(plain), tone.tone(plain, plain)):
        assert np.isfinite(features).all()
    assert distortion.diversity(plain)[0] == 1.0
    assert distortion.diversity(plain)[-1] == pytest.approx(1 / 1600)


def test_blur_is_measured_as_more_where_there_is_more() -> None:
    sharp = np.asarray(cv2.cvtColor(_skin(), cv2.COLOR_RGB2GRAY), dtype=np.float32) / 255
    soft = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 2.0), dtype=np.float32)

    assert distortion.blur(soft) > distortion.blur(sharp) + 0.1
    assert distortion.edge_width(soft) > distortion.edge_width(sharp)


def test_a_reflection_is_seen_as_light_without_colour() -> None:
    dull = np.full((64, 64, 3), (180, 120, 90), dtype=np.uint8)
    shining = dull.copy()
    shining[10:18, 10:18] = (250, 240, 235)

    assert distortion.specular(dull).tolist() == [0.0, 0.0, 0.0]
    share, mean, _ = distortion.specular(shining)
    assert share == pytest.approx(64 / 4096)
    assert mean > 0.5


def _lit(picture: Picture, gain: float, lift: float = 0.0) -> Picture:
    return np.asarray(np.rint(to_srgb(gain * to_linear(picture) + np.float32(lift)) * 255), dtype=np.uint8)


def test_tone_is_measured_in_linear_light_relative_to_the_median() -> None:
    parts = np.full((90, 90, 3), 55, dtype=np.uint8)
    parts[:, :60] = 188  # 0.0382 and 0.5029 of white

    features = tone.tone(parts, parts)

    assert features.shape == (tone.LENGTH,) == (28,)
    assert np.array_equal(features[:14], features[14:])
    far = np.log((0.5029 + 0.002) / (0.0382 + 0.002))
    assert features[:2] == pytest.approx([-far, -far], abs=0.01)
    assert features[4:6] == pytest.approx([0.0, 0.0], abs=0.01)
    assert features[6:14] == pytest.approx(np.zeros(8), abs=1e-6)  # grey, and nothing clipped


@given(st.integers(0, 50), st.floats(0.4, 1.1))
def test_tone_does_not_change_with_exposure(seed: int, gain: float) -> None:
    skin = _skin(seed)

    assert tone.tone(_lit(skin, gain), skin)[:12] == pytest.approx(tone.tone(skin, skin)[:12], abs=0.06)


def test_light_that_a_display_adds_narrows_the_range_and_blue_light_shows_in_the_darks() -> None:
    skin = _skin()

    plain, lifted = tone.tone(skin, skin), tone.tone(skin, _lit(skin, 0.8, 0.1))

    assert plain[14] < lifted[14] - 0.2  # the darkest 1 % of the face
    blue = to_srgb(to_linear(skin) + np.array([0.0, 0.0, 0.1], dtype=np.float32))
    bluish = tone.tone(skin, np.asarray(np.rint(blue * 255), dtype=np.uint8))
    dark, middle, lightest = (bluish[place] - plain[place] for place in (21, 23, 25))
    assert dark > middle > lightest > 0.1


def test_tone_counts_what_is_clipped() -> None:
    burnt = np.full((60, 60, 3), 120, dtype=np.uint8)
    burnt[:15] = 255
    burnt[-6:] = 0

    assert tone.tone(burnt, burnt)[12:14] == pytest.approx([0.25, 0.1])


def test_crops_have_their_sizes_and_put_the_eyes_apart_as_said() -> None:
    image = np.zeros((300, 300, 3), dtype=np.uint8)
    points = np.array([[120, 120], [180, 120], [150, 155], [127, 190], [173, 190]], dtype=np.float32)
    for x, y in points[:2].astype(int):
        cv2.circle(image, (int(x), int(y)), 5, (255, 255, 255), -1)
    look = Look(image, Face(np.array([100, 90, 100, 130], dtype=np.float32), 0.9, points))

    whole, skin = face_crop(look), skin_crop(look)

    assert whole.shape == (SIDE, SIDE, 3)
    assert skin.shape == (SKIN_SIDE, SKIN_SIDE, 3)
    for crop, apart in ((whole, 40.0), (skin, 53.0)):
        columns = np.flatnonzero(crop[..., 0].max(axis=0) > 128)
        assert columns[-1] - columns[0] == pytest.approx(apart + 10 * apart / 60, abs=4.0)


def test_a_face_without_a_plane_is_cut_by_its_box() -> None:
    flat = np.zeros((5, 2), dtype=np.float32)
    look = Look(_skin(side=200), Face(np.array([50, 50, 100, 100], dtype=np.float32), 0.9, flat))

    assert skin_crop(look).shape == (SKIN_SIDE, SKIN_SIDE, 3)
