"""Pictures on paper: screened inks, paper that is neither white nor smooth, gloss and bends."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faceid.detect import Face
from faceid.liveness.attacks.light import Linear, log_uniform, smooth_field, to_linear, to_srgb, transfer
from faceid.liveness.attacks.placement import Placement
from faceid.liveness.attacks.surroundings import cover, inside, reflection, room
from faceid.liveness.attacks.texture import sampled, tile, tiled

_ANGLES = (15.0, 75.0, 0.0, 45.0)
"""Screen angles of cyan, magenta, yellow and black, degrees (Kipphan, Handbook of Print Media, 2001, 1.4.4)."""

_INKS = np.array([[0.10, 0.55, 0.78], [0.76, 0.10, 0.36], [0.90, 0.83, 0.10], [0.05, 0.05, 0.05]], dtype=np.float32)
"""Share of red, green and blue light that full coverage with cyan, magenta, yellow and black lets through and back."""


class Screening(StrEnum):
    """How a printer makes tones of solid inks."""

    DOTS = "dots"
    NOISE = "noise"
    NONE = "none"


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """One print of one picture.

    Attributes:
        screening: dots of a laser printer or press, the noise of an inkjet, or the even dyes of a photo laboratory.
        cell: size of a dot's cell, picture pixels.
        turn: turn of the whole screen, degrees.
        gain: exponent of dot gain on coverage; below 1 prints darker.
        black: share of grey that is printed with black ink.
        inks: as ``_INKS``, for this printer.
        paper: reflectance of the bare paper, RGB.
        fibre: strength of the paper's texture.
        grain: the texture itself and its pixels per picture pixel.
        detail: printed pixels per picture pixel.
        gloss: share of the room's reflections thrown back.
        window: printed part of the picture: left, top, right, bottom, picture pixels.
        border: width of the unprinted rim, picture pixels.
        light: linear gain of the light on the sheet.
        glare: reflections before the gloss, float32, frame's shape.
        behind: what is behind the sheet, linear light of the frame.
    """

    screening: Screening
    cell: float
    turn: float
    gain: float
    black: float
    inks: NDArray[np.float32]
    paper: NDArray[np.float32]
    fibre: float
    grain: tuple[NDArray[np.float32], float] = field(repr=False)
    detail: float
    gloss: float
    window: tuple[float, float, float, float]
    border: float
    light: float
    glare: NDArray[np.float32] = field(repr=False)
    behind: Linear = field(repr=False)

    @classmethod
    def draw(cls, generator: np.random.Generator, image: NDArray[np.uint8], face: Face, placement: Placement) -> Self:
        """Draw a printer, a paper and a room; dots measure 0.4 to 3 frame pixels, so some are seen and some alias."""
        screening = Screening(generator.choice([kind.value for kind in Screening], p=[0.5, 0.3, 0.2]))
        pitch = log_uniform(generator, 0.4, 1.2 if screening is Screening.NOISE else 3.0)
        tint = generator.uniform([0.88, 0.86, 0.78], [1.0, 1.0, 1.02])
        return cls(
            screening=screening,
            cell=pitch / placement.scale,
            turn=float(generator.uniform(-10, 10)),
            gain=float(generator.uniform(0.65, 1.15)),
            black=float(generator.uniform(0.0, 0.9)),
            inks=np.clip(_INKS * generator.uniform(0.7, 1.5, _INKS.shape), 0.01, 0.97).astype(np.float32),
            paper=(generator.uniform(0.75, 0.95) * tint).astype(np.float32),
            fibre=log_uniform(generator, 0.004, 0.06),
            grain=(tile(generator, log_uniform(generator, 0.4, 2.5)), placement.scale * generator.uniform(0.6, 2.0)),
            detail=placement.scale * log_uniform(generator, 0.35, 1.5),
            gloss=float(generator.choice([0.0, generator.uniform(0.1, 0.7)])),
            window=window_around(generator, image, face),
            border=float(generator.choice([0.0, generator.uniform(0.01, 0.12)])) * image.shape[1],
            light=log_uniform(generator, 0.45, 1.3),
            glare=reflection(generator, placement.size),
            behind=room(generator, to_linear(image), placement.size),
        )

    def seen(self, image: NDArray[np.uint8], placement: Placement, generator: np.random.Generator) -> Linear:
        """Return the light that a camera receives: the sheet before its surroundings."""
        x, y = placement.coordinates()
        left, top, right, bottom = self.window
        rim = self.border
        on_paper = inside(x, y, (left - rim, top - rim, right + rim, bottom + rim), 1.0 / placement.scale)
        return cover(self.behind, self.sheet(image, placement, generator), on_paper)

    def sheet(self, image: NDArray[np.uint8], placement: Placement, generator: np.random.Generator) -> Linear:
        """Return the light from an endless sheet: the picture in its window, bare paper around."""
        x, y = placement.coordinates()
        shown = sampled(to_linear(image), x, y, scale=placement.scale, detail=self.detail)
        printed = inside(x, y, self.window, 1.0 / placement.scale)
        coverage = self._coverage(to_srgb(shown)) * printed[..., None]
        reflected = self._reflected(self._screened(coverage, x, y, placement.scale))
        grain, density = self.grain
        texture = 1.0 + self.fibre * tiled(grain, x * np.float32(density), y * np.float32(density))
        shade = texture * self._shade(x, y, placement, generator)
        light: Linear = reflected * shade[..., None] + (self.gloss * self.glare)[..., None]
        return light

    def _coverage(self, values: Linear) -> NDArray[np.float32]:
        """Separate sRGB values into coverages of the four inks, shape (height, width, 4), with grey replacement."""
        wanted = np.clip(1.0 - values, 0.0, 1.0) ** self.gain
        black = self.black * wanted.min(axis=2, keepdims=True)
        colours = (wanted - black) / np.maximum(1.0 - black, 1e-3)
        return np.concatenate([colours, black], axis=2)

    def _screened(
        self, coverage: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32], scale: float
    ) -> NDArray[np.float32]:
        """Turn tones into dots: coverage against a threshold at each place, as far as the camera resolves it."""
        if self.screening is Screening.NONE:
            return coverage
        kept = transfer(1.0 / (self.cell * scale))
        dots = np.empty_like(coverage)
        for ink, angle in enumerate(_ANGLES):
            threshold = self._threshold(x, y, math.radians(angle + self.turn), ink)
            solid = np.clip((coverage[..., ink] - threshold) * 3.0 + 0.5, 0.0, 1.0)
            dots[..., ink] = coverage[..., ink] + kept * (solid - coverage[..., ink])
        return dots

    def _threshold(self, x: NDArray[np.float32], y: NDArray[np.float32], angle: float, ink: int) -> NDArray[np.float32]:
        if self.screening is Screening.NOISE:
            spread = tiled(self.grain[0], x / np.float32(self.cell) + 61.0 * ink, y / np.float32(self.cell))
            return np.asarray(np.clip(0.5 + 0.28 * spread, 0.0, 1.0), dtype=np.float32)
        turn = np.float32(2 * math.pi / self.cell)
        along = (x * np.float32(math.cos(angle)) + y * np.float32(math.sin(angle))) * turn
        across = (y * np.float32(math.cos(angle)) - x * np.float32(math.sin(angle))) * turn
        # The round-dot spot function of Adobe's PostScript Language Reference, 3rd edition, 7.4.2.
        return np.asarray(0.5 - 0.25 * (np.cos(along) + np.cos(across)), dtype=np.float32)

    def _reflected(self, coverage: NDArray[np.float32]) -> Linear:
        """Light that inks of independent coverage leave: Neugebauer 1937 with Demichel's product of shares."""
        light: Linear = np.broadcast_to(self.paper, (*coverage.shape[:2], 3)).copy()
        for ink in range(4):
            light *= 1.0 - coverage[..., ink, None] * (1.0 - self.inks[ink])
        return light

    def _shade(
        self, x: NDArray[np.float32], y: NDArray[np.float32], placement: Placement, generator: np.random.Generator
    ) -> NDArray[np.float32]:
        shade = self.light * (1.0 + 0.12 * smooth_field(generator, placement.size, 2))
        if placement.bend is None:
            return np.asarray(shade, dtype=np.float32)
        leaning = placement.bend.slope(placement.across(x, y))
        return np.asarray(shade * (1.0 + 0.3 * leaning), dtype=np.float32)


def window_around(
    generator: np.random.Generator, image: NDArray[np.uint8], face: Face
) -> tuple[float, float, float, float]:
    """Draw the part of a picture that is shown: from hardly more than the face to all of it."""
    height, width = image.shape[:2]
    left, top, across, down = (float(value) for value in face.box)
    if generator.random() < 0.4:
        return 0.0, 0.0, float(width), float(height)
    margins = generator.uniform(0.25, 1.5, 4) * max(across, down)
    return (
        max(0.0, left - margins[0]),
        max(0.0, top - margins[1]),
        min(float(width), left + across + margins[2]),
        min(float(height), top + down + margins[3]),
    )
