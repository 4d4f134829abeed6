"""The two networks that judge liveness, small enough for one thread of a kiosk."""

from __future__ import annotations

from typing import Any

from faceid.liveness.crops import SIDE as CROP
from faceid.liveness.patches import SIDE as PATCH
from faceid.training.tensorflow import keras, tf

_QUIET = 8.0
"""Added to a patch's standard deviation, codes of 255: flat skin is not to be blown up into noise."""


def patch_model() -> Any:
    """Build the patch network: five convolutions and a mean over the patch (Atoum et al., 2017, table 1).

    The patch enters twice: as it is, since inks and displays have a gamut and a white of their own, and as differences
    from its mean in units of its spread, in which fine texture stands out in whatever light.

    Input ``patches``: RGB 0 to 255, float32, (n, 48, 48, 3). Output: log-odds, (n, 1).
    """
    pixels = keras.Input((PATCH, PATCH, 3), name="patches")
    values = keras.layers.Concatenate()([_centred(pixels), keras.layers.Lambda(_local)(pixels)])
    for filters, stride in ((24, 2), (24, 1), (32, 2), (48, 2), (64, 1)):
        values = _convolved(values, filters, stride)
    values = keras.layers.GlobalAveragePooling2D()(values)
    values = keras.layers.Dropout(0.3)(values)
    return keras.Model(pixels, keras.layers.Dense(1)(values), name="patches")


def depth_model() -> Any:
    """Build the fully convolutional network with auxiliary depth supervision (Liu, Jourabloo, Liu, 2018, figure 3).

    Features of three scales meet at 32 x 32, as there, with fewer filters.

    Input ``faces``: RGB 0 to 255, float32, (n, 128, 128, 3). Output: depth 0 to 1, (n, 32, 32).
    """
    pixels = keras.Input((CROP, CROP, 3), name="faces")
    values = _convolved(_centred(pixels), 16, 2)
    fine = _convolved(_convolved(values, 32, 2), 32, 1)
    middle = _convolved(_convolved(fine, 48, 2), 48, 1)
    coarse = _convolved(_convolved(middle, 64, 2), 64, 1)
    wide = [_enlarged(middle, 2), _enlarged(coarse, 4)]
    values = _convolved(keras.layers.Concatenate()([fine, *wide]), 32, 1, size=1)
    values = keras.layers.Dropout(0.2)(_convolved(values, 24, 1))
    depth = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(values)
    return keras.Model(pixels, keras.layers.Reshape((CROP // 4, CROP // 4))(depth), name="faces")


def _centred(pixels: Any) -> Any:
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)


def _local(pixels: Any) -> Any:
    mean, variance = tf.nn.moments(pixels, axes=[1, 2], keepdims=True)
    spread = tf.sqrt(tf.reduce_mean(variance, axis=3, keepdims=True) + 1e-3)
    return (pixels - mean) / (spread + _QUIET)


def _enlarged(values: Any, times: int) -> Any:
    return keras.layers.UpSampling2D(times, interpolation="bilinear")(values)


def _convolved(values: Any, filters: int, stride: int, *, size: int = 3) -> Any:
    values = keras.layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False)(values)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(values))
