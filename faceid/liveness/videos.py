"""Made videos of a living person and of attacks, from one photograph: for calibration and tests.

All of it is synthetic (:mod:`faceid.liveness.sitter` says what that leaves out): figures measured on these videos show
that a method does what it is meant to do, not how often it errs on people.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import Detector
from faceid.liveness.capture import Capture, Look
from faceid.liveness.sitter import Moment, Sitter

Image = NDArray[np.uint8]
Picture = NDArray[np.float32]
Performance: TypeAlias = Callable[[float], Moment]

RATE = 15.0
"""Frames per second of a kiosk's camera in ordinary light."""

NOISE = 1.6
"""Standard deviation of a webcam's noise in ordinary light, in 1/255 of full scale."""


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A video in memory.

    Attributes:
        frames: RGB, uint8, all of shape (height, width, 3).
        times: of each frame, seconds since the first.
    """

    frames: tuple[Image, ...] = field(repr=False)
    times: tuple[float, ...]

    def capture(self, detector: Detector) -> Capture:
        """Find the largest face of every frame.

        Raises:
            ValueError: no frame shows a face.
        """
        looks = []
        for image, at in zip(self.frames, self.times, strict=True):
            faces = detector.faces(image)
            if faces:
                looks.append(Look(image, faces[0], at))
        return Capture(tuple(looks))


def live(
    sitter: Sitter,
    *,
    seconds: float = 8.0,
    rate: float = RATE,
    beats: float = 72.0,
    seed: int = 0,
    performance: Performance | None = None,
    times: Sequence[float] | None = None,
) -> Film:
    """Film a living person: small sway and turns, blinks, now and then a smile, a pulse in the skin.

    Args:
        sitter: the photograph that moves.
        seconds: length.
        rate: frames per second.
        beats: heart beats per minute.
        seed: of everything random.
        performance: what the person does at which second, on top of sway and pulse; None for blinks and a smile.
        times: of each frame, instead of ``seconds`` and ``rate``.
    """
    rng = np.random.default_rng(seed)
    acted = performance or idle(rng, seconds)
    sway = _sway(rng)
    times = _times(seconds, rate) if times is None else times
    moments = (_alive(acted(at), sway(at), beats, at) for at in times)
    return _filmed((sitter.frame(moment) for moment in moments), times, rng)


def idle(rng: np.random.Generator, seconds: float) -> Performance:
    """Return what somebody does who just looks at a screen: a blink every two to four seconds, a smile, small turns."""
    blinks = np.cumsum(rng.uniform(1.5, 4.0, size=int(seconds) + 2)) - 1.0
    smiling, phase = rng.uniform(0.2, 0.8) * seconds, rng.uniform(0, 2 * np.pi)

    def moment(at: float) -> Moment:
        closed = float(np.clip(1.4 - np.abs(blinks - at).min() / 0.1, 0.0, 1.0))
        smile = 0.6 * float(np.exp(-(((at - smiling) / 0.7) ** 2)))
        return Moment(yaw=6.0 * float(np.sin(0.7 * at + phase)), closed=closed, smile=smile)

    return moment


def still(image: Image, *, seconds: float = 8.0, rate: float = RATE, seed: int = 0) -> Film:
    """Film a picture that nothing moves: only the sensor's noise and a slow drift of the light."""
    rng = np.random.default_rng(seed)
    times = _times(seconds, rate)
    return _filmed((image.astype(np.float32) for _ in times), times, rng)


def waved(image: Image, *, seconds: float = 8.0, rate: float = RATE, vigour: float = 1.0, seed: int = 0) -> Film:
    """Film a print that a hand waves, tilts and brings nearer before a room.

    Args:
        image: what is printed.
        vigour: of the hand; 1 tilts the print by up to 20 degrees.
    """
    rng = np.random.default_rng(seed)
    room = _room(image.shape[:2], rng)
    times = _times(seconds, rate)
    return _filmed((_held(image, room, at, vigour) for at in times), times, rng)


def replayed(film: Film, *, seed: int = 0) -> Film:
    """Film a screen that replays a video: refresh bands that travel, the screen's own gamut, softness and flicker."""
    rng = np.random.default_rng(seed)
    rows = np.arange(film.frames[0].shape[0], dtype=np.float32)[:, None, None] / film.frames[0].shape[0]
    speed, strength = rng.uniform(0.6, 2.5), rng.uniform(0.04, 0.09)

    def shown(image: Image, at: float) -> Picture:
        soft = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.8)
        bands = 1.0 + strength * np.sin(2.0 * np.pi * (2.0 * rows - speed * at)).astype(np.float32)
        gamut = np.array([0.93, 0.97, 1.06], dtype=np.float32)
        return np.asarray(8.0 + 0.92 * soft * bands * gamut, dtype=np.float32)

    frames = (shown(image, at) for image, at in zip(film.frames, film.times, strict=True))
    return Film(tuple(_sensed(frame, rng) for frame in frames), film.times)


def _times(seconds: float, rate: float) -> list[float]:
    return [number / rate for number in range(int(seconds * rate))]


def _alive(moment: Moment, sway: tuple[float, float], beats: float, at: float) -> Moment:
    """Add sway and the blood volume's pulse with its first harmonic to what is acted."""
    angle = 2.0 * np.pi * beats / 60.0 * at
    pulse = 0.012 * float(np.sin(angle) + 0.35 * np.sin(2.0 * angle + 0.6))
    shift = (moment.shift[0] + sway[0], moment.shift[1] + sway[1])
    return Moment(moment.yaw, moment.closed, moment.smile, moment.nearer, shift, pulse, moment.light)


def _sway(rng: np.random.Generator) -> Callable[[float], tuple[float, float]]:
    speeds, phases = rng.uniform(0.15, 0.6, size=(2, 3)), rng.uniform(0, 2 * np.pi, size=(2, 3))

    def offset(at: float) -> tuple[float, float]:
        both = 0.02 * np.sin(2.0 * np.pi * speeds * at + phases).sum(axis=1)
        return float(both[0]), float(both[1])

    return offset


def _held(image: Image, room: Picture, at: float, vigour: float) -> Picture:
    """Project a print that is tilted about both axes, turned and moved, onto the room (a homography)."""
    height, width = image.shape[:2]
    tilt, nod = vigour * np.radians(20) * np.sin(1.9 * at), vigour * np.radians(12) * np.sin(1.3 * at + 1.0)
    turn = vigour * np.radians(5) * np.sin(0.9 * at)
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * (width, height)
    about_z = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    flat = corners @ about_z.T
    depth = (flat[:, 0] * np.sin(tilt) + flat[:, 1] * np.sin(nod)) / (2.2 * width)
    seen = flat * (np.cos(tilt), np.cos(nod)) / (1.0 + depth)[:, None]
    nearer = 0.86 + 0.06 * vigour * np.sin(0.8 * at)
    away = vigour * np.array([0.05 * np.sin(2.3 * at), 0.04 * np.sin(1.7 * at + 0.5)]) * (width, height)
    target = seen * nearer + away + (width / 2, height / 2)
    flat_print = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(flat_print, target.astype(np.float32))
    printed = cv2.warpPerspective(image.astype(np.float32), matrix, (width, height), flags=cv2.INTER_LINEAR)
    covered = cv2.warpPerspective(np.ones((height, width), np.float32), matrix, (width, height))[..., None]
    return np.asarray(covered * printed + (1.0 - covered) * room, dtype=np.float32)


def _room(shape: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Make an out-of-focus room: coarse random patches."""
    patches = rng.uniform(60, 190, size=(9, 12, 3)).astype(np.float32)
    room = cv2.resize(patches, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    texture = cv2.GaussianBlur(rng.normal(0, 25, size=(*shape, 3)).astype(np.float32), (0, 0), 2)
    return np.asarray(room + texture, dtype=np.float32)


def _filmed(frames: Iterator[Picture], times: Sequence[float], rng: np.random.Generator) -> Film:
    """Let the light drift by up to two per cent and the sensor add its noise."""
    speed, phase = rng.uniform(0.05, 0.15), rng.uniform(0, 2 * np.pi)
    drift = [np.float32(1.0 + 0.02 * np.sin(2.0 * np.pi * speed * at + phase)) for at in times]
    return Film(tuple(_sensed(frame * gain, rng) for frame, gain in zip(frames, drift, strict=True)), tuple(times))


def _sensed(frame: Picture, rng: np.random.Generator) -> Image:
    noisy = frame + NOISE * rng.standard_normal(frame.shape, dtype=np.float32)
    return np.asarray(np.clip(noisy + 0.5, 0.0, 255.0), dtype=np.uint8)
