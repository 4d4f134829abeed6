"""Pictures on a display: pixels and their moire, tone and white of their own, refresh bands, reflections, a bezel."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faceid.detect import Face
from faceid.liveness.attacks.camera import through_jpeg
from faceid.liveness.attacks.light import Linear, log_uniform, smooth_field, to_linear, transfer
from faceid.liveness.attacks.placement import Placement
from faceid.liveness.attacks.printed import window_around
from faceid.liveness.attacks.surroundings import cover, inside, reflection, room
from faceid.liveness.attacks.texture import sampled


class Layout(StrEnum):
    """How a display arranges red, green and blue."""

    STRIPES = "stripes"
    DIAMOND = "diamond"
    TURNED = "turned"


@dataclass(frozen=True, slots=True)
class Bands:
    """Dark bands that a rolling shutter makes of a backlight that is pulsed or a display that is being redrawn.

    Attributes:
        depth: darkening, 0 to 1.
        period: rows between two bands.
        duty: hardness of their edges.
        phase: of the first band, turns.
        drift: turns per second by which they wander through a film.
    """

    depth: float
    period: float
    duty: float
    phase: float
    drift: float

    def gain(self, rows: int, at: float) -> NDArray[np.float32]:
        """Return what is left of the light in every row, shape (rows, 1, 1), at a time in seconds."""
        turns = np.arange(rows, dtype=np.float32) / self.period + self.phase + self.drift * at
        wave = np.tanh(self.duty * np.cos(2 * math.pi * turns)) / math.tanh(self.duty)
        left: NDArray[np.float32] = (1.0 - self.depth * (0.5 + 0.5 * wave)).astype(np.float32)
        return left[:, None, None]


@dataclass(frozen=True, slots=True, eq=False)
class Display:
    """One display that shows one picture or film.

    Attributes:
        layout: arrangement of its pixels.
        cell: size of a display pixel, picture pixels.
        depth: contrast between a pixel's lit and dark parts, 0 to 1.
        tone: exponent on linear light; below 1 the picture is flat, above 1 hard.
        white: linear gains of red, green and blue; displays (6,500 to 9,300 K) are bluer than rooms (2,700 to 5,000 K).
        lift: light of a black pixel and of the room in the glass, linear.
        detail: shown pixels per picture pixel.
        bands: refresh bands.
        quality: JPEG quality of the shown file, 1 to 100.
        gloss: share of the room's reflections thrown back.
        window: shown part of the picture: left, top, right, bottom, picture pixels.
        bezel: width of the rim, picture pixels, and its reflectance.
        glare: reflections before the gloss, float32, frame's shape.
        behind: what is behind the display, linear light of the frame.
    """

    layout: Layout
    cell: float
    depth: float
    tone: float
    white: NDArray[np.float32]
    lift: float
    detail: float
    bands: Bands
    quality: int
    gloss: float
    window: tuple[float, float, float, float]
    bezel: tuple[float, float]
    glare: NDArray[np.float32] = field(repr=False)
    behind: Linear = field(repr=False)

    @classmethod
    def draw(cls, generator: np.random.Generator, image: NDArray[np.uint8], face: Face, placement: Placement) -> Self:
        """Draw a display and a room; its pixels measure 0.3 to 3 frame pixels, so some are seen and some alias."""
        pitch = log_uniform(generator, 0.3, 3.0)
        warmth = np.exp(generator.normal(0.2, 0.12))
        gain = log_uniform(generator, 0.5, 2.4)
        return cls(
            layout=Layout(generator.choice([layout.value for layout in Layout], p=[0.5, 0.25, 0.25])),
            cell=pitch / placement.scale,
            depth=float(generator.uniform(0.15, 0.9)),
            tone=log_uniform(generator, 0.65, 1.5),
            white=(gain * np.array([1.0 / warmth, generator.uniform(0.93, 1.05), warmth])).astype(np.float32),
            lift=log_uniform(generator, 0.003, 0.12),
            detail=placement.scale * log_uniform(generator, 0.3, 1.0),
            bands=_bands(generator, placement.size[0]),
            quality=int(generator.integers(35, 96)),
            gloss=float(generator.choice([0.0, generator.uniform(0.05, 0.8)])),
            window=window_around(generator, image, face),
            bezel=(float(generator.uniform(0.01, 0.12)) * image.shape[1], log_uniform(generator, 0.005, 0.5)),
            glare=reflection(generator, placement.size),
            behind=room(generator, to_linear(image), placement.size),
        )

    def seen(
        self, image: NDArray[np.uint8], placement: Placement, generator: np.random.Generator, at: float = 0.0
    ) -> Linear:
        """Return the light that a camera receives: the display before its surroundings.

        Args:
            image: what is shown now, RGB, uint8.
            placement: where it lies before the camera.
            generator: source of chance for what changes between frames.
            at: seconds since the film began.
        """
        x, y = placement.coordinates()
        shown = sampled(to_linear(through_jpeg(image, self.quality)), x, y, scale=placement.scale, detail=self.detail)
        lit = (self.lift + (1.0 - self.lift) * shown**self.tone) * self.white
        lit *= self._pixels(x, y, placement.scale) * self.bands.gain(placement.size[0], at)
        lit *= 1.0 + 0.08 * smooth_field(generator, placement.size, 2)[..., None]
        glass = self.gloss * self.glare[..., None]
        return self._framed(lit, x, y, placement.scale) + glass * self._front(x, y)[..., None]

    def _pixels(self, x: NDArray[np.float32], y: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
        """Return the gain of every channel at every place, shape (height, width, 3), mean 1.

        The pixel grid as a Fourier series of two terms, each with the contrast that the camera's aperture leaves it:
        beyond half a cycle per camera pixel, sampling folds what is left into moire.
        """
        turn = np.float32(2 * math.pi / self.cell)
        across, down = (y, x) if self.layout is Layout.TURNED else (x, y)
        if self.layout is Layout.DIAMOND:
            across, down = (x + y) * np.float32(math.sqrt(0.5)), (x - y) * np.float32(math.sqrt(0.5))
        frequency = 1.0 / (self.cell * scale)
        first, second = self.depth * transfer(frequency), 0.5 * self.depth * transfer(2 * frequency)
        rows = 1.0 + 0.6 * first * np.cos(down * turn)
        gains = np.empty((*x.shape, 3), dtype=np.float32)
        for channel in range(3):
            phase = across * turn + np.float32(2 * math.pi * channel / 3)
            gains[..., channel] = rows * (1.0 + first * np.cos(phase) + second * np.cos(2 * phase))
        return gains

    def _framed(self, lit: Linear, x: NDArray[np.float32], y: NDArray[np.float32], scale: float) -> Linear:
        rim, reflectance = self.bezel
        left, top, right, bottom = self.window
        edge = 1.0 / scale
        device = inside(x, y, (left - rim, top - rim, right + rim, bottom + rim), edge)
        case = np.full_like(lit, reflectance) * 0.5
        return cover(cover(self.behind, case, device), lit, inside(x, y, self.window, edge))

    def _front(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        rim = self.bezel[0]
        left, top, right, bottom = self.window
        return inside(x, y, (left - rim, top - rim, right + rim, bottom + rim), max(self.cell, 1e-3))


def _bands(generator: np.random.Generator, rows: int) -> Bands:
    return Bands(
        depth=float(generator.choice([0.0, generator.uniform(0.02, 0.35)], p=[0.4, 0.6])),
        period=rows * log_uniform(generator, 0.08, 1.5),
        duty=log_uniform(generator, 0.3, 6.0),
        phase=float(generator.random()),
        drift=float(generator.normal(0.0, 1.5)),
    )
