"""The camera before which everybody and everything is presented: lens, sensor, processing and JPEG."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.liveness.attacks.light import Linear, log_uniform, to_linear, to_srgb

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera with its settings, the same for living people and for attacks, so that it gives neither away.

    Attributes:
        blur: standard deviation of the lens's spot, pixels.
        flare: share of the frame's mean light that the lens strews over everything, greying what is black.
        motion: length of the streak that movement leaves, pixels, and its direction in radians.
        target: mean linear light that exposure aims at; metering looks at the whole frame, its middle most, so a
            display in a dark room comes out too bright as it does in life.
        adaptation: how far white balance evens out the frame's mean colour, 0 not at all to 1.
        balance: linear gains of red, green and blue that white balance leaves wrong.
        saturation: 1 keeps colours.
        contrast: exponent on sRGB values; above 1 darkens.
        shot, read: noise that grows with light, and noise that does not; standard deviation at white, linear light.
        grain: standard deviation of the spot over which noise is alike, pixels; demosaicing and scaling make it so.
        denoise: whether the camera smooths noise and detail away, as phones do.
        chroma: standard deviation of the spot over which colour is smeared, pixels; 0 keeps it.
        sharpen: strength of the unsharp mask.
        quality: JPEG quality, 1 to 100.
    """

    blur: float
    flare: float
    motion: tuple[float, float]
    target: float
    adaptation: float
    balance: tuple[float, float, float]
    saturation: float
    contrast: float
    shot: float
    read: float
    grain: float
    denoise: bool
    chroma: float
    sharpen: float
    quality: int

    @classmethod
    def draw(cls, generator: np.random.Generator) -> Self:
        """Draw a camera between a good phone in daylight and a poor webcam in the evening."""
        red, green, blue = np.exp(generator.normal(0.0, [0.11, 0.05, 0.11]))
        moving = generator.random() < 0.15
        return cls(
            blur=float(generator.choice([0.0, log_uniform(generator, 0.3, 1.4)], p=[0.35, 0.65])),
            flare=float(generator.choice([0.0, generator.uniform(0.0, 0.2)])),
            motion=(float(generator.uniform(2.0, 5.0)) if moving else 0.0, float(generator.uniform(0, np.pi))),
            target=log_uniform(generator, 0.04, 0.4),
            adaptation=float(generator.uniform(0.0, 0.8)),
            balance=(float(red), float(green), float(blue)),
            saturation=float(generator.uniform(0.6, 1.25)),
            contrast=log_uniform(generator, 0.8, 1.25),
            shot=log_uniform(generator, 0.002, 0.03),
            read=log_uniform(generator, 0.0003, 0.004),
            grain=float(generator.choice([0.0, generator.uniform(0.4, 1.4)])),
            denoise=bool(generator.random() < 0.35),
            chroma=float(generator.choice([0.0, log_uniform(generator, 0.5, 2.5)])),
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
        light = self._through_lens(light)
        seen = light * self._gains(light)
        spread = np.sqrt(self.shot**2 * np.clip(seen, 0.0, 1.5) + self.read**2)
        return through_jpeg(self._processed(to_srgb(seen + spread * self._noise(generator, seen.shape))), self.quality)

    def _gains(self, light: Linear) -> NDArray[np.float32]:
        """Gains of the three channels that exposure and white balance choose for a scene."""
        means = np.clip(_metered(light), 1e-3, None)
        mean = float(means @ _LUMA)
        gains = self.target / mean * (mean / means) ** self.adaptation * np.array(self.balance)
        return np.asarray(gains, dtype=np.float32)

    def _noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Linear:
        noise = generator.standard_normal(shape, dtype=np.float32)
        if self.grain > 0.0:
            noise = cv2.GaussianBlur(noise, (0, 0), self.grain)
            # The noise keeps its strength: a Gaussian of deviation s leaves 1 / (2 s sqrt(pi)) of white noise's.
            noise *= max(1.0, 2.0 * self.grain * float(np.sqrt(np.pi)))
        return np.asarray(noise, dtype=np.float32)

    def _through_lens(self, light: Linear) -> Linear:
        if self.blur > 0.0:
            light = cv2.GaussianBlur(light, (0, 0), self.blur)
        length, angle = self.motion
        if length > 0.0:
            light = cv2.filter2D(light, -1, _streak(length, angle))
        return np.asarray(light + np.float32(self.flare) * _metered(light), dtype=np.float32)

    def _processed(self, values: Linear) -> NDArray[np.uint8]:
        values = np.power(values, np.float32(self.contrast))
        grey = (values @ _LUMA)[..., None]
        colour = np.float32(self.saturation) * (values - grey)
        values = grey + (cv2.GaussianBlur(colour, (0, 0), self.chroma) if self.chroma > 0.0 else colour)
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


def _metered(light: Linear) -> NDArray[np.float32]:
    """Mean light of the three channels, the frame's middle counting most; shape (3,)."""
    small = cv2.resize(np.clip(light, 0.0, 4.0), (16, 16), interpolation=cv2.INTER_AREA)
    places = np.linspace(-1.0, 1.0, 16) ** 2
    weights = np.exp(-1.5 * (places[:, None] + places))
    return np.asarray(np.tensordot(weights / weights.sum(), small, axes=2), dtype=np.float32)


def _streak(length: float, angle: float) -> NDArray[np.float32]:
    size = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((size, size), dtype=np.float32)
    half = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    middle = np.array([size // 2, size // 2])
    start, end = (tuple(round(float(value)) for value in middle + sign * half) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def through_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return what JPEG leaves of a picture.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        quality: 1 to 100.

    Returns:
        RGB, uint8, same shape.
    """
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])
