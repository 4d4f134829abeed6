"""The pulse in the skin: a living face changes its colour with every heart beat, a picture does not.

Remote photoplethysmography after Wang, den Brinker, Stuijk & de Haan, "Algorithmic Principles of Remote PPG", IEEE
TBME 64(7), 2017: the plane orthogonal to the skin's tone (POS). A screen that replays a person replays their pulse
too, so this method tells pictures from people, not videos.
"""

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import SIDE, similarity
from faceid.errors import DegenerateLandmarks
from faceid.liveness.capture import Capture, Look
from faceid.liveness.method import Evidence

Signal = NDArray[np.float64]

SECONDS = 4.0
"""Shortest capture that is judged: three beats of a slow heart."""

RATE = 10.0
"""Fewest looks per second: a heart may beat four times a second, and its pulse has a harmonic."""

LEAST_EYES = 28.0
"""Pixels between the eyes, in the middle of all looks, below which the skin is too small: a waved print of such a face
showed a pulse, and a person none (made films)."""

BAND = (0.7, 4.0)
"""Frequencies a heart beats at, in hertz."""

_REGIONS = ((30, 16, 82, 36), (22, 66, 42, 88), (70, 66, 90, 88))
"""Forehead and cheeks in the aligned crop: left, top, right, bottom in pixels."""

_WINDOW = 1.6
"""Seconds over which the skin's tone counts as constant (Wang et al., section V)."""

_LINE = 0.2
"""Half width of a spectral line in hertz."""

_STEADY = 5
"""Looks over which landmarks are averaged: their jitter would move the regions over the skin."""

_WEIGHTS = (0.25, 6.0, -3.5)
"""Of decibels, agreement and one; see :meth:`Pulse.judge`."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """Is there one heart beating behind forehead and cheeks?"""

    name: str = "pulse"

    def judge(self, capture: Capture) -> Evidence | None:
        """Look for one frequency of a heart that all regions of skin share.

        Returns:
            Log-odds of a living person with ``beats`` per minute, ``decibels`` of that frequency and its harmonic over
            the rest of the band, and the ``agreement`` of the regions (mean correlation, -1 to 1); None for less than
            four seconds, fewer than ten looks a second or a face whose eyes are less than 28 pixels apart. The weights
            were fitted on made videos: live sitters against stills and waved prints
            (``tests/faceid/liveness/test_videos.py`` holds them to it).
        """
        if capture.seconds < SECONDS or (len(capture.looks) - 1) / capture.seconds < RATE:
            return None
        if np.median([look.face.eye_distance for look in capture.looks]) < LEAST_EYES:
            return None
        colours = skin_colours(capture.looks)
        if colours is None:
            return None
        rate = (len(capture.looks) - 1) / capture.seconds
        even = _evenly(at_rest(colours, _places(capture.looks)), np.array([look.at for look in capture.looks]))
        waves = np.stack([_banded(pos(region, rate), rate) for region in even])
        beats, decibels = _line(waves.mean(axis=0), rate)
        agreement = _agreement(waves)
        score = _WEIGHTS[0] * decibels + _WEIGHTS[1] * agreement + _WEIGHTS[2]
        figures = (("beats", 60.0 * beats), ("decibels", decibels), ("agreement", agreement))
        return Evidence(self.name, float(score), figures)


def skin_colours(looks: tuple[Look, ...]) -> NDArray[np.float64] | None:
    """Average the colour of forehead and cheeks in every look.

    Returns:
        RGB in 1/255 of full scale, float64, shape (3 regions, looks, 3); None where a face cannot be aligned.
    """
    points = np.stack([look.face.landmarks for look in looks]).astype(np.float64)
    steady = _smoothed(points)
    found = []
    for look, landmarks in zip(looks, steady, strict=True):
        try:
            matrix = similarity(landmarks.astype(np.float32))
        except DegenerateLandmarks:
            return None
        crop = cv2.warpAffine(look.image, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA)
        found.append([crop[top:bottom, left:right].mean(axis=(0, 1)) for left, top, right, bottom in _REGIONS])
    return np.asarray(found, dtype=np.float64).transpose(1, 0, 2)


def at_rest(colours: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take out of the colours what follows the head across the picture: light differs from place to place.

    Args:
        colours: shape (regions, looks, 3), greater than zero.
        places: of the head at each look, shape (looks, 2).

    Returns:
        Colours whose logarithms are what a linear regression on the places leaves; shape (regions, looks, 3).
    """
    logs = np.log(np.maximum(colours, 1.0))
    mean = logs.mean(axis=1, keepdims=True)
    moved = places - places.mean(axis=0)
    slopes = np.linalg.pinv(moved) @ (logs - mean)
    return np.asarray(np.exp(logs - moved @ slopes), dtype=np.float64)


def pos(colours: NDArray[np.float64], rate: float) -> Signal:
    """Project colours on the plane orthogonal to the skin's tone, window by window, and add the windows up.

    Args:
        colours: RGB over time, evenly sampled, shape (samples, 3), greater than zero.
        rate: samples per second.

    Returns:
        The pulse signal, shape (samples,), zero mean; Wang et al. 2017, algorithm 1.
    """
    length = max(2, round(_WINDOW * rate))
    pulse = np.zeros(len(colours))
    for begin in range(len(colours) - length + 1):
        window = colours[begin : begin + length]
        tone = window / np.maximum(window.mean(axis=0), 1e-6)
        one, two = tone[:, 1] - tone[:, 2], tone[:, 1] + tone[:, 2] - 2.0 * tone[:, 0]
        wave = one + one.std() / max(float(two.std()), 1e-9) * two
        pulse[begin : begin + length] += wave - wave.mean()
    return pulse


def _places(looks: tuple[Look, ...]) -> NDArray[np.float64]:
    """Return where the middle of the landmarks is at each look, pixels, shape (looks, 2)."""
    points = np.stack([look.face.landmarks for look in looks]).astype(np.float64)
    return np.asarray(_smoothed(points).mean(axis=1), dtype=np.float64)


def _smoothed(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average landmarks over a few looks; shape (looks, 5, 2) in and out."""
    reach = _STEADY // 2
    padded = np.pad(points, ((reach, reach), (0, 0), (0, 0)), mode="edge")
    shifted = [padded[offset : offset + len(points)] for offset in range(_STEADY)]
    return np.asarray(np.mean(shifted, axis=0), dtype=np.float64)


def _evenly(colours: NDArray[np.float64], times: Signal) -> NDArray[np.float64]:
    """Sample colours at even times, since cameras and networks do not; shapes as they come."""
    even = np.linspace(times[0], times[-1], len(times))
    return np.stack([[np.interp(even, times, channel) for channel in region.T] for region in colours]).transpose(
        0, 2, 1
    )


def _banded(signal: Signal, rate: float) -> Signal:
    """Keep the frequencies of a heart; unit variance where there is any."""
    spectrum = np.fft.rfft((signal - signal.mean()) * np.hanning(len(signal)))
    frequencies = np.fft.rfftfreq(len(signal), 1.0 / rate)
    spectrum[(frequencies < BAND[0]) | (frequencies > BAND[1])] = 0.0
    kept = np.fft.irfft(spectrum, len(signal))
    return np.asarray(kept / max(float(kept.std()), 1e-12), dtype=np.float64)


def _line(signal: Signal, rate: float) -> tuple[float, float]:
    """Find the strongest frequency (hertz) and how far it and its harmonic stand out (decibels).

    Signal-to-noise ratio after de Haan & Jeanne, IEEE TBME 60(10), 2013, section III-D.
    """
    power = np.abs(np.fft.rfft(signal, 8 * len(signal))) ** 2
    frequencies = np.fft.rfftfreq(8 * len(signal), 1.0 / rate)
    inside = (frequencies >= BAND[0]) & (frequencies <= BAND[1])
    peak = float(frequencies[inside][np.argmax(power[inside])])
    line = inside & ((np.abs(frequencies - peak) < _LINE) | (np.abs(frequencies - 2.0 * peak) < _LINE))
    rest = float(power[inside & ~line].sum())
    return peak, 10.0 * float(np.log10(max(float(power[line].sum()), 1e-12) / max(rest, 1e-12)))


def _agreement(waves: NDArray[np.float64]) -> float:
    """Average the correlation of every two regions; noise of the sensor is each region's own."""
    return float(np.mean([np.dot(one, two) / len(one) for one, two in combinations(waves, 2)]))
