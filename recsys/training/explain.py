"""Export what explaining needs: a second, small graph that takes vectors instead of ids and gives gradients.

It holds the layers of the network but none of its embedding tables, so that it stays small however many ids there are,
and holds nothing of any one person: whoever explains reads the few rows that are needed from the model's own file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from recsys.explain.errors import ExplanationRefused
from recsys.explain.gradients import EXPLAINS, GRADIENT, IDS, LOGIT, POINTS, TABLES, GradientExplainer
from recsys.features import PICTURE, FeatureSpec, Feeds
from recsys.serving.ranker import Ranker
from recsys.training.report import ArtefactReport, write_whole
from recsys.training.tensorflow import keras, tf, tf2onnx

OPSET = 17
SMALLEST = 1e-7
PROOFS = 8
"""Rows of the log on which the exported graph must explain completely."""


class NoGradients(ValueError):
    """The network cannot be explained by gradients; leaving things out explains it all the same."""


def export_gradients(network: Any, *, spec: FeatureSpec, feeds: Feeds, model: Path, digest: str) -> ArtefactReport:
    """Write the gradient graph of a network beside its model file, as ``<sha256>.gradients.onnx``.

    Args:
        network: the trained Keras model; inputs are named after the features, vectors come from `Embedding` layers.
        feeds: real rows, int32, shape (rows, length of the feature), on which the graph is proven; with their pictures
            where the network looks at some, float32, shape (rows, 1, width).
        model: the network's exported file.
        digest: SHA-256 of that file.

    Returns:
        What was written; `parity` is the largest amount of log-odds that the shares of a proving row leave unexplained.

    Raises:
        NoGradients: an operation has no gradient in ONNX, or the shares of a row do not add up: no file is left. That
            is so for networks in which a history of nothing is something else than no history, such as transformers.
    """
    if any(isinstance(layer, keras.layers.RNN) for layer in network.layers):
        raise NoGradients("a recurrent state has no gradient in ONNX")
    names = _stored_tables(network, model)
    try:
        content = _convert(network, {EXPLAINS: digest, TABLES: json.dumps(names)})
    except Exception as error:  # a network that TensorFlow cannot cut or differentiate must not cost the training
        raise NoGradients(f"{type(error).__name__}: {error}") from error
    path = model.with_name(f"{sha256(content).hexdigest()}.gradients.onnx")
    write_whole(path, content)
    try:
        ranker = Ranker.load(model, digest, spec)
        explainer = GradientExplainer.load(ranker, model=model, gradients=path, expected_digest=path.name[:64])
        worst = max(abs(explainer.explain_row(row).residual) for row in _proving_rows(feeds))
    except ExplanationRefused as error:
        path.unlink(missing_ok=True)
        raise NoGradients(str(error)) from error
    return ArtefactReport(file=path.name, digest=path.name[:64], bytes=len(content), parity=worst)


def _proving_rows(feeds: Feeds) -> Iterator[Feeds]:
    """Yield rows with histories from the shortest to the longest."""
    order = np.argsort(feeds["history_length"][:, 0], kind="stable")
    for row in order[np.linspace(0, len(order) - 1, PROOFS).astype(np.intp)]:
        yield {name: ids[row : row + 1] for name, ids in feeds.items()}


def _convert(network: Any, properties: dict[str, str]) -> bytes:
    """Convert to ONNX the function from vectors to log-odds and their gradients, for `POINTS` rows at once."""
    vectors, ids = vectors_of(network), ids_below(network)
    cut = keras.Model([*vectors.values(), *ids.values()], network.output)
    signature = [_specification(name, tensor, tf.float32) for name, tensor in vectors.items()]
    signature += [_specification(name + IDS, tensor, tensor.dtype) for name, tensor in ids.items()]

    def explain(*inputs: Any) -> dict[str, Any]:
        watched = inputs[: len(vectors)]
        with _plain_gradients():
            probability = tf.clip_by_value(cut(list(inputs), training=False), SMALLEST, 1 - SMALLEST)
            logit = tf.math.log(probability) - tf.math.log(1 - probability)
        gradients = tf.gradients(tf.reduce_sum(logit), list(watched))
        found = {GRADIENT + name: gradient for name, gradient in zip(vectors, gradients, strict=True)}
        return {LOGIT: logit[:, 0]} | {name: each for name, each in found.items() if each is not None}

    graph, _ = tf2onnx.convert.from_function(tf.function(explain), input_signature=signature, opset=OPSET)
    onnx.helper.set_model_props(graph, properties)
    content: bytes = graph.SerializeToString()
    return content


def _specification(name: str, tensor: Any, dtype: Any) -> Any:
    """Describe an input with every dimension known: gradients of broadcasts export only then."""
    return tf.TensorSpec((POINTS, *(size or 1 for size in tensor.shape[1:])), dtype, name=name)


def vectors_of(network: Any) -> dict[str, Any]:
    """Return what the embedding layers give for each feature, and the picture, which is a vector from the start."""
    found = {name: node for name, node in zip(network.input_names, network.inputs, strict=True) if name == PICTURE}
    for layer in _tables_of(network):
        for place, node in enumerate(layer._inbound_nodes):
            found[_input_behind(node.keras_inputs[0])] = layer.get_output_at(place)
    return {name: found[name] for name in network.input_names if name in found}


def ids_below(network: Any) -> dict[str, Any]:
    """Return the inputs that the network reads otherwise than through a table, such as what tells an empty place."""
    found: dict[str, Any] = {}
    tables = {id(layer) for layer in _tables_of(network)}
    waiting, seen = [network.output], set[tuple[int, int]]()
    while waiting:
        history = waiting.pop()._keras_history
        if id(history.layer) in tables or (id(history.layer), history.node_index) in seen:
            continue
        seen.add((id(history.layer), history.node_index))
        if isinstance(history.layer, keras.layers.InputLayer):
            if history.layer.name != PICTURE:
                found[history.layer.name] = history.layer.output
        else:
            waiting.extend(history.layer._inbound_nodes[history.node_index].keras_inputs)
    return {name: found[name] for name in network.input_names if name in found}


def _tables_of(network: Any) -> list[Any]:
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Embedding)]


def _input_behind(tensor: Any) -> str:
    """Return the name of the input that a table's ids come from."""
    while not isinstance(tensor._keras_history.layer, keras.layers.InputLayer):
        history = tensor._keras_history
        tensor = history.layer._inbound_nodes[history.node_index].keras_inputs[0]
    name: str = tensor._keras_history.layer.name
    return name


def _stored_tables(network: Any, model: Path) -> dict[str, str]:
    """Return the name under which the model file keeps the table of each feature."""
    by_shape: dict[tuple[int, ...], list[Any]] = {}
    for tensor in onnx.load(str(model)).graph.initializer:
        by_shape.setdefault(tuple(tensor.dims), []).append(tensor)
    names: dict[str, str] = {}
    for layer in _tables_of(network):
        values = layer.get_weights()[0]
        equal = [one.name for one in by_shape.get(values.shape, ()) if _equal(one, values)]
        if not equal:
            raise NoGradients(f"the model file does not hold the table {layer.name} as it is")
        names |= {_input_behind(node.keras_inputs[0]): equal[0] for node in layer._inbound_nodes}
    return names


def _equal(tensor: Any, values: NDArray[np.float32]) -> bool:
    return bool(np.array_equal(onnx.numpy_helper.to_array(tensor), values))


@contextmanager
def _plain_gradients() -> Iterator[None]:
    """Let operations made here have gradients made of operations that ONNX has."""
    with tf.compat.v1.get_default_graph().gradient_override_map({name: f"Plain{name}" for name in _PLAIN}):
        yield


def _relu(operation: Any, gradient: Any) -> Any:
    return gradient * tf.cast(operation.outputs[0] > 0, gradient.dtype)


def _sigmoid(operation: Any, gradient: Any) -> Any:
    return gradient * operation.outputs[0] * (1 - operation.outputs[0])


def _tanh(operation: Any, gradient: Any) -> Any:
    return gradient * (1 - tf.square(operation.outputs[0]))


def _strided_slice(operation: Any, gradient: Any) -> tuple[Any, None, None, None]:
    """Put the gradient of a slice back to where the slice was taken from."""
    shape = operation.inputs[0].shape.as_list()
    size = int(np.prod(shape))
    if size == int(np.prod(operation.outputs[0].shape.as_list())):
        return tf.reshape(gradient, shape), None, None, None
    masks = {name: operation.get_attr(name) for name in _MASKS}
    bounds = [tf.get_static_value(tensor) for tensor in operation.inputs[1:]]
    with tf.init_scope():
        places = tf.strided_slice(np.arange(size).reshape(shape), *bounds, **masks).numpy().reshape(-1, 1)
    back = tf.scatter_nd(places.astype(np.int64), tf.reshape(gradient, [-1]), [size])
    return tf.reshape(back, shape), None, None, None


_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
_PLAIN: dict[str, Callable[[Any, Any], Any]] = {
    "Relu": _relu,
    "Sigmoid": _sigmoid,
    "Tanh": _tanh,
    "StridedSlice": _strided_slice,
}
for _name, _function in _PLAIN.items():
    tf.RegisterGradient(f"Plain{_name}")(_function)
