"""A description of a picture by fixed rules: its colours, its edges and its textures. Nothing in it was learnt."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from recsys.pictures.projection import signs, unit
from recsys.pictures.vision import Image, Vector

SIDE = 128
COLOUR_CELLS, TEXTURE_CELLS = 4, 2
ORIENTATIONS, WAVELENGTHS = 4, (4.0, 8.0, 16.0)
GRADIENTS = cv2.HOGDescriptor((SIDE, SIDE), (32, 32), (32, 32), (16, 16), 9)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Colour layout, histograms of oriented gradients and Gabor energies, projected to few numbers.

    It tells pictures of like colours and shapes from others. It does not know what they show: for that an operator
    brings a network, see `recsys.pictures.vision.VisionNetwork`.

    Colours: mean and spread of CIE L*a*b* in 4 x 4 cells. Edges: Dalal and Triggs, CVPR 2005. Textures: mean and spread
    of the responses of Gabor filters in 2 x 2 cells, Manjunath and Ma, IEEE TPAMI 18(8), 1996.
    """

    width: int = 64

    @property
    def name(self) -> str:
        """Name the rules and their version."""
        return f"descriptor-1-{self.width}"

    def describe(self, image: Image) -> Vector:
        """Describe a picture, RGB, shape (height, width, 3); a vector of length 1, shape (width,)."""
        small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        parts = [_colours(small), np.asarray(GRADIENTS.compute(grey)).reshape(-1), _textures(grey)]
        joined = np.concatenate([unit(part) for part in parts])
        return unit(joined @ signs(len(joined), self.width))


def _colours(image: Image) -> NDArray[np.float32]:
    """Describe cells by mean and spread of lightness (0 to 1) and of both colour axes (-1 to 1)."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / np.array([100, 128, 128], dtype=np.float32)
    return _statistics(lab, COLOUR_CELLS)


def _textures(grey: Image) -> NDArray[np.float32]:
    pixels = grey.astype(np.float32) / 255
    responses = [
        np.abs(cv2.filter2D(pixels - pixels.mean(), cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT))
        for kernel in _filters()
    ]
    return _statistics(np.stack(responses, axis=-1), TEXTURE_CELLS)


def _filters() -> list[NDArray[np.float32]]:
    kernels = []
    for wavelength in WAVELENGTHS:
        for place in range(ORIENTATIONS):
            side, angle = 2 * int(wavelength) + 1, np.pi * place / ORIENTATIONS
            kernel = cv2.getGaborKernel((side, side), 0.5 * wavelength, angle, wavelength, 0.5, 0, cv2.CV_32F)
            kernels.append((kernel - kernel.mean()).astype(np.float32))
    return kernels


def _statistics(values: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """Give mean and spread of each channel in a grid of cells, as one vector."""
    side = SIDE // cells
    grid = values.reshape(cells, side, cells, side, -1)
    return np.concatenate([grid.mean(axis=(1, 3)).ravel(), grid.std(axis=(1, 3)).ravel()])
