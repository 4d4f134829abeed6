"""From a trained network to an ONNX file that is proven to compute the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from faceid.errors import FaceError
from faceid.training.tensorflow import tf, tf2onnx

OPSET = 17
TOLERANCE = 1e-3
"""Largest difference of an output allowed, in units of its greatest absolute value or of one, whichever is larger."""

BATCHES = (1, 7, 33)


class ParityError(FaceError):
    """An exported network does not load or does not compute what the trained one does."""

    code = "parity"


def exported(model: Any, rows: NDArray[np.float32]) -> bytes:
    """Convert a network with one input and one output, and compare both on real rows.

    Args:
        model: a Keras model, its input named as its ``name``.
        rows: inputs to compare on, float32, first axis the batch; few rows are repeated.

    Returns:
        An ONNX file, opset 17, any batch.

    Raises:
        ParityError: onnxruntime cannot load the file, or answers differ.
    """
    name = str(model.name)
    signature = [tf.TensorSpec((None, *rows.shape[1:]), tf.float32, name=name)]
    function = tf.function(lambda values: model(values, training=False))
    graph, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    content: bytes = graph.SerializeToString()
    _prove(model, content, name, rows)
    return content


def _prove(model: Any, content: bytes, name: str, rows: NDArray[np.float32]) -> None:
    """Unsupported operations are exported without complaint and fail only when loaded: loading is part of the proof."""
    generator = np.random.default_rng(0)
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        for size in BATCHES:
            batch = rows[generator.integers(0, len(rows), size)]
            expected = np.asarray(model(batch, training=False))
            found = np.asarray(session.run(None, {name: batch})[0])
            worst = float(np.abs(expected - found).max()) / max(1.0, float(np.abs(expected).max()))
            if not worst <= TOLERANCE:
                raise _failed(f"its answers differ by {worst:.1e}")
    except ParityError:
        raise
    except Exception as error:  # onnxruntime raises a dozen unrelated classes of its own here
        raise _failed(f"it does not run ({type(error).__name__})") from error


def _failed(why: str) -> ParityError:
    return ParityError(
        f"The exported network is not the trained one: {why}.",
        expected=f"equal answers to {TOLERANCE:.0e} on batches of {', '.join(map(str, BATCHES))}.",
        remedy="Install the pinned versions of tensorflow, tf2onnx and onnxruntime and train again.",
    )
