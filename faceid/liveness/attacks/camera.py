"""The camera before which everybody and everything is presented: lens, sensor, processing and JPEG."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.liveness.attacks.light import Linear, log_uniform, to_linear, to_srgb


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera with its settings, the same for living people and for attacks, so that it gives neither away.

    Attributes:
        blur: standard deviation of the lens's spot, pixels.
        motion: length of the streak that movement leaves, pixels, and its direction in radians.
        exposure: linear gain that brings the median luma to its target.
        balance: linear gains of red, green and blue left by imperfect white balance.
        saturation: 1 keeps colours.
        contrast: exponent on sRGB values; above 1 darkens.
        shot, read: noise that grows with light, and noise that does not; standard deviation at white, linear light.
        denoise: whether the camera smooths noise and detail away, as phones do.
        sharpen: strength of the unsharp mask.
        quality: JPEG quality, 1 to 100.
    """

    blur: float
    motion: tuple[float, float]
    exposure: float
    balance: tuple[float, float, float]
    saturation: float
    contrast: float
    shot: float
    read: float
    denoise: bool
    sharpen: float
    quality: int

    @classmethod
    def draw(cls, generator: np.random.Generator) -> Self:
        """Draw a camera between a good phone in daylight and a poor webcam in the evening."""
        red, blue = np.exp(generator.normal(0.0, 0.16, 2))
        moving = generator.random() < 0.25
        return cls(
            blur=float(generator.choice([0.0, log_uniform(generator, 0.3, 2.0)], p=[0.25, 0.75])),
            motion=(float(generator.uniform(2.0, 7.0)) if moving else 0.0, float(generator.uniform(0, np.pi))),
            exposure=log_uniform(generator, 0.35, 2.2),
            balance=(float(red), 1.0, float(blue)),
            saturation=float(generator.uniform(0.65, 1.3)),
            contrast=log_uniform(generator, 0.75, 1.35),
            shot=log_uniform(generator, 0.003, 0.05),
            read=log_uniform(generator, 0.0005, 0.012),
            denoise=bool(generator.random() < 0.35),
            sharpen=float(generator.choice([0.0, generator.uniform(0.2, 1.2)])),
            quality=int(generator.integers(45, 97)),
        )

    def take(self, light: Linear, generator: np.random.Generator) -> NDArray[np.uint8]:
        """Photograph a scene.

        Args:
            light: linear light that falls on the sensor.
            generator: source of the noise.

        Returns:
            RGB, uint8, same height and width, after one trip through JPEG.
        """
        seen = self._through_lens(light) * (self.exposure * np.array(self.balance, dtype=np.float32))
        spread = np.sqrt(self.shot**2 * np.clip(seen, 0.0, 1.5) + self.read**2)
        seen = seen + spread * generator.standard_normal(seen.shape, dtype=np.float32)
        return through_jpeg(self._processed(to_srgb(seen)), self.quality)

    def _through_lens(self, light: Linear) -> Linear:
        if self.blur > 0.0:
            light = cv2.GaussianBlur(light, (0, 0), self.blur)
        length, angle = self.motion
        if length > 0.0:
            light = cv2.filter2D(light, -1, _streak(length, angle))
        return light

    def _processed(self, values: Linear) -> NDArray[np.uint8]:
        values = values**self.contrast
        grey = values @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
        values = grey[..., None] + self.saturation * (values - grey[..., None])
        if self.denoise:
            values = cv2.bilateralFilter(values.astype(np.float32), 5, 0.06, 1.5)
        if self.sharpen > 0.0:
            values = values + self.sharpen * (values - cv2.GaussianBlur(values, (0, 0), 1.2))
        return (np.clip(values, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def retaken(image: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Photograph what a picture shows with another camera, geometry untouched.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        generator: source of chance.
    """
    return Camera.draw(generator).take(to_linear(image), generator)


def _streak(length: float, angle: float) -> NDArray[np.float32]:
    size = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((size, size), dtype=np.float32)
    half = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    middle = np.array([size // 2, size // 2])
    start, end = (tuple(round(float(value)) for value in middle + sign * half) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def through_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return what JPEG of a quality, 1 to 100, leaves of an RGB picture."""
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])
