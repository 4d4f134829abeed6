"""Embedding networks: aligned face in, unit vector out."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from faceid.training.tensorflow import keras, tf

SIDE = 112
INPUT = "face"


class Backbone(StrEnum):
    """What the network is built of.

    VGG: plain 3 x 3 convolutions with pooling (Simonyan and Zisserman, ICLR 2015; Parkhi et al., "Deep Face
    Recognition", BMVC 2015). RESIDUAL: the same with shortcuts (He et al., CVPR 2016), normalised before the first and
    after each convolution of a unit (Han, Kim and Kim, CVPR 2017). SEPARABLE: depthwise separable convolutions (Howard
    et al., MobileNets, 2017) with a global depthwise one at the end (Chen et al., MobileFaceNets, CCBR 2018), the
    fastest to run.
    """

    VGG = "vgg"
    RESIDUAL = "residual"
    SEPARABLE = "separable"


def build(backbone: Backbone, *, dimension: int, width: int, side: int = SIDE) -> Any:
    """Return an untrained network.

    Args:
        dimension: numbers in an embedding.
        width: channels of the first stage; the four stages have one, two, four and eight times as many.
        side: pixels a side that the network works on; 112, or a half or a quarter of it for speed.

    Returns:
        A Keras model: RGB, 0 to 255, float32, shape (n, 3, 112, 112) to unit vectors, float32, shape (n, dimension).
        Layout and scaling of the pixels are part of the graph, so that nothing outside can get them wrong.

    Raises:
        ValueError: another side.
    """
    if side not in (SIDE, SIDE // 2, SIDE // 4):
        raise ValueError(f"side must be {SIDE}, {SIDE // 2} or {SIDE // 4}, got {side}.")
    inputs = keras.Input((3, SIDE, SIDE), name=INPUT)
    pixels = keras.layers.Permute((2, 3, 1))(inputs)
    pixels = keras.layers.Rescaling(1 / 128.0, offset=-127.5 / 128.0)(pixels)
    if side < SIDE:
        pixels = keras.layers.AveragePooling2D(SIDE // side)(pixels)
    features = _STAGES[backbone](pixels, [width, 2 * width, 4 * width, 8 * width])
    features = keras.layers.Dropout(0.2)(keras.layers.Flatten()(features))
    embedding = keras.layers.Dense(dimension, use_bias=False)(features)
    embedding = keras.layers.BatchNormalization(scale=False)(embedding)
    return keras.Model(inputs, _Unit(name="embedding")(embedding), name=INPUT)


class _Unit(keras.layers.Layer):  # type: ignore[misc]  # Keras 2 ships without types
    """Scales each row to length 1."""

    def call(self, values: Any) -> Any:
        return tf.math.l2_normalize(values, axis=1)


def _vgg(pixels: Any, widths: list[int]) -> Any:
    for width in widths:
        for _ in range(2):
            pixels = _convolved(pixels, width)
        pixels = keras.layers.MaxPooling2D(2)(pixels)
    return pixels


def _residual(pixels: Any, widths: list[int]) -> Any:
    pixels = _convolved(pixels, widths[0])
    for width in widths:
        shortcut = keras.layers.Conv2D(width, 1, strides=2, use_bias=False)(pixels)
        inner = _convolved(keras.layers.BatchNormalization()(pixels), width)
        inner = keras.layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(inner)
        pixels = keras.layers.add([shortcut, keras.layers.BatchNormalization()(inner)])
    return pixels


def _separable(pixels: Any, widths: list[int]) -> Any:
    pixels = _convolved(pixels, widths[0], strides=2)
    for width in widths:
        pixels = keras.layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(pixels)
        pixels = _activated(pixels)
        pixels = _activated(keras.layers.Conv2D(width, 1, use_bias=False)(pixels))
    return keras.layers.BatchNormalization()(
        keras.layers.DepthwiseConv2D(pixels.shape[1:3], use_bias=False)(pixels)
    )  # fmt: skip


def _convolved(pixels: Any, width: int, strides: int = 1) -> Any:
    return _activated(keras.layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(pixels))


def _activated(pixels: Any) -> Any:
    return keras.layers.PReLU(shared_axes=[1, 2])(keras.layers.BatchNormalization()(pixels))


_STAGES: dict[Backbone, Callable[[Any, list[int]], Any]] = {
    Backbone.VGG: _vgg,
    Backbone.RESIDUAL: _residual,
    Backbone.SEPARABLE: _separable,
}
