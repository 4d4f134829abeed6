"""What a camera sees beside and in front of a presented picture: a room, a bezel, fingers, reflections."""

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.liveness.attacks.light import Linear, log_uniform, smooth_field


def room(generator: np.random.Generator, picture: Linear, size: tuple[int, int]) -> Linear:
    """Draw what is behind a held picture: out of focus, in colours of a wall or of the picture's own room.

    Args:
        generator: source of chance.
        picture: the presented picture.
        size: height and width of the frame, pixels.
    """
    height, width = size
    own = cv2.resize(picture, (8, 6), interpolation=cv2.INTER_AREA)
    wall = generator.uniform(0.02, 0.6) * generator.uniform(0.8, 1.2, 3)
    share = generator.uniform(0.0, 0.8)
    coarse = share * own[:, ::-1] + (1 - share) * wall.astype(np.float32)
    behind = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(generator.integers(0, 5))):
        _furniture(generator, behind)
    shade = 1.0 + generator.uniform(0.0, 0.5) * smooth_field(generator, size, 4)
    lit: Linear = np.clip(behind, 0.0, 1.0) * shade[..., None]
    return np.asarray(cv2.GaussianBlur(lit, (0, 0), log_uniform(generator, 0.8, 8.0)), dtype=np.float32)


def reflection(generator: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    """Draw the light that a glossy surface throws back: windows and lamps, sharp or soft.

    Returns:
        Added linear light, float32, shape ``size``, 0 to about 1.
    """
    height, width = size
    light = np.zeros(size, dtype=np.float32)
    for _ in range(int(generator.integers(1, 4))):
        centre = generator.uniform([0.0, 0.0], [width, height])
        axes = generator.uniform(0.03, 0.25, 2) * max(size)
        strength = log_uniform(generator, 0.03, 0.9)
        layer = np.zeros(size, dtype=np.float32)
        if generator.random() < 0.5:
            box = cv2.boxPoints((tuple(centre), tuple(axes * 2), float(generator.uniform(-30, 30))))
            cv2.fillConvexPoly(layer, box.astype(np.int32), strength)
        else:
            middle = (int(centre[0]), int(centre[1]))
            cv2.ellipse(layer, middle, (int(axes[0]) + 1, int(axes[1]) + 1), 0, 0, 360, strength, -1)
        light += cv2.GaussianBlur(layer, (0, 0), log_uniform(generator, 1.0, 0.08 * max(size) + 1.0))
    return light


def cover(behind: Linear, front: Linear, share: NDArray[np.float32]) -> Linear:
    """Lay ``front`` over ``behind`` where ``share``, shape (height, width), is 1."""
    mixed: Linear = behind + share[..., None] * (front - behind)
    return mixed


def inside(
    x: NDArray[np.float32], y: NDArray[np.float32], window: tuple[float, float, float, float], edge: float
) -> NDArray[np.float32]:
    """Return the share, 0 to 1, of every pixel that lies in a window.

    Args:
        x, y: coordinates at every pixel, in units of the window.
        window: left, top, right, bottom.
        edge: width of the transition from 0 to 1, same unit.
    """
    left, top, right, bottom = window
    depth = np.minimum(np.minimum(x - left, right - x), np.minimum(y - top, bottom - y))
    share: NDArray[np.float32] = np.clip(depth / np.float32(edge) + 0.5, 0.0, 1.0)
    return share


def _furniture(generator: np.random.Generator, behind: Linear) -> None:
    height, width = behind.shape[:2]
    corner = generator.uniform([-0.2 * width, -0.2 * height], [width, height]).astype(int)
    sides = generator.uniform(0.05, 0.6, 2) * max(height, width)
    colour = (generator.uniform(0.0, 0.7) * generator.uniform(0.6, 1.4, 3)).tolist()
    opposite = (int(corner[0] + sides[0]), int(corner[1] + sides[1]))
    cv2.rectangle(behind, (int(corner[0]), int(corner[1])), opposite, colour, -1)
