"""The one door to TensorFlow.

deepctr and tensorflow-recommenders are written for Keras 2, which must be chosen before TensorFlow is imported. And
importing deepctr would start a thread that asks the package index for its newest version: its module `deepctr.utils`
holds nothing else, so an empty one takes its place.

oneDNN is left on, as TensorFlow has it. Without it the arrays of a step, megabytes each, go back to the system as soon
as they are let go, and are mapped and cleared anew for the next step: half of its processor time.

An operation runs on one thread unless the environment says otherwise, and several operations at once: those of a step
are too small to be shared, and a step of DeepFM takes three quarters of the time it takes otherwise.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


def _silence_version_check() -> None:
    module = ModuleType("deepctr.utils")
    module.check_version = lambda version: None  # type: ignore[attr-defined]
    sys.modules.setdefault("deepctr.utils", module)


_silence_version_check()

import tensorflow as tf  # noqa: E402

tf.get_logger().setLevel("ERROR")

import tensorflow_recommenders as tfrs  # noqa: E402
import tf2onnx  # noqa: E402
from deepctr.layers.sequence import Transformer  # noqa: E402

keras = tf.keras

__all__ = [
    "Transformer",
    "keras",
    "seed_everything",
    "tf",
    "tf2onnx",
    "tfrs",
]


def seed_everything(seed: int) -> None:
    """Make the next model, its initial weights and its shuffling repeatable."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
