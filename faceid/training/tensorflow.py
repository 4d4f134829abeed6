"""The one door to TensorFlow.

Keras 2 is chosen before TensorFlow is imported, because tf2onnx converts its graphs faithfully.
"""

from __future__ import annotations

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import tensorflow as tf

tf.get_logger().setLevel("ERROR")

import tf2onnx  # noqa: E402

keras = tf.keras

__all__ = ["keras", "seed_everything", "tf", "tf2onnx"]


def seed_everything(seed: int) -> None:
    """Make the next model, its initial weights and its shuffling repeatable."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
