"""From a trained network to an ONNX file that is proven to compute the same."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from recsys.features import Feeds
from recsys.serving.calibration import Calibration, calibrate
from recsys.serving.metadata import PREFIX, SPLIT, ModelMetadata
from recsys.serving.ranker import open_session
from recsys.training.errors import ParityError
from recsys.training.folding import fold
from recsys.training.networks.network import Network
from recsys.training.report import ArtefactReport, write_whole
from recsys.training.tensorflow import tf, tf2onnx

OPSET = 17
TOLERANCE = 1e-5
BATCHES = (1, 7, 257)
DECISION = (3, 50)
"""Viewers and candidates of the decision on which a ranking network is proven."""


def export(model: Any, *, feeds: Feeds, metadata: ModelMetadata, output: Path) -> ArtefactReport:
    """Write a trained network to ``output`` as ``<sha256>.onnx``.

    Args:
        feeds: real rows to compare network and file on; few rows are repeated.

    Raises:
        ParityError: onnxruntime cannot load the file, or its answers differ by more than 1e-5.
    """
    content = convert(model, metadata)
    parity = prove_parity(model, content, feeds, metadata.calibration)
    digest = sha256(content).hexdigest()
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"{digest}.onnx"
    write_whole(path, content)
    return ArtefactReport(file=path.name, digest=digest, bytes=len(content), parity=parity)


def convert(model: Any, metadata: ModelMetadata) -> bytes:
    """Convert a network with named inputs to the bytes of an ONNX file that carries its metadata and is calibrated."""
    names = list(model.input_names)
    signature = [tf.TensorSpec(tuple(node.shape), node.dtype, name=node.name) for node in model.inputs]
    function = tf.function(lambda *tensors: model(dict(zip(names, tensors, strict=True)), training=False))
    graph, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    _name(graph.graph, model)
    fold(graph.graph, metadata.calibration)
    onnx.helper.set_model_props(graph, metadata.properties() | _properties(model))
    content: bytes = graph.SerializeToString()
    return content


def prove_parity(model: Any, content: bytes, feeds: Feeds, calibration: Calibration) -> float:
    """Compare network, calibrated, and file on real rows, in batches of 1, 7 and 257, and on a decision.

    Unsupported operations are exported without complaint and fail only when loaded, so loading is part of the proof.

    Returns:
        The largest absolute difference.

    Raises:
        ParityError: the file does not load or run, or a difference exceeds 1e-5.
    """
    try:
        session = open_session(content)
    except Exception as error:
        raise ParityError(f"onnxruntime cannot load the exported graph: {error}") from error
    random, worst = np.random.default_rng(0), 0.0
    rows = len(next(iter(feeds.values())))
    for size in BATCHES:
        batch = {name: ids[random.integers(0, rows, size)] for name, ids in feeds.items()}
        batch = {name: _with_empty_row(ids) if size > 1 else ids for name, ids in batch.items()}
        worst = max(worst, _difference(_expected(model, batch, calibration), _found(session, batch)))
    if isinstance(model, Network):
        decision, pairs = _decision(model, batch)
        expected = [scores.reshape(DECISION) for scores in _expected(model, pairs, calibration)]
        worst = max(worst, _difference(expected, _found(session, decision)))
    if not worst <= TOLERANCE:
        raise ParityError(f"the exported graph differs from the network by {worst:.2e}, allowed are {TOLERANCE:.0e}")
    return worst


def _expected(model: Any, batch: Feeds, calibration: Calibration) -> list[NDArray[np.float32]]:
    """Run the network; calibrated, if it is a ranking network that is."""
    outputs = model(batch, training=False)
    found = [np.asarray(output) for output in (outputs if isinstance(outputs, list) else [outputs])]
    if calibration != Calibration():
        return [calibrate(scores, calibration, calibration.shift(batch)) for scores in found]
    return found


def _found(session: Any, batch: Feeds) -> list[NDArray[np.float32]]:
    inputs = {node.name for node in session.get_inputs()}
    try:
        return list(session.run(None, {name: ids for name, ids in batch.items() if name in inputs}))
    except Exception as error:
        raise ParityError(
            f"the exported graph does not run on {len(next(iter(batch.values())))} rows: {error}"
        ) from error


def _decision(model: Network, rows: Feeds) -> tuple[Feeds, Feeds]:
    """Lay rows out as a decision, in which a few viewers choose among the same candidates, and as its pairs."""
    viewers, candidates = DECISION
    names = model.of_candidates
    decision = {
        name: np.swapaxes(ids[-candidates:], 0, 1) if name in names else ids[-viewers:] for name, ids in rows.items()
    }
    pairs = {
        name: np.concatenate([np.swapaxes(ids, 0, 1)] * viewers)
        if name in names
        else np.repeat(ids, candidates, axis=0)
        for name, ids in decision.items()
    }
    return decision, pairs


def _name(graph: Any, model: Any) -> None:
    """Give outputs the names of the network's, and the dimensions of a ranking network theirs."""
    for output, name in zip(graph.output, model.output_names, strict=True):
        for node in graph.node:
            for names in (node.input, node.output):
                for place, found in enumerate(names):
                    if found == output.name:
                        names[place] = name
        output.name = name
    if not isinstance(model, Network):
        return
    for node in graph.input:
        first, second, *_ = node.type.tensor_type.shape.dim
        first.dim_param = "groups" if node.name in model.of_candidates else "viewers"
        if node.name in model.of_candidates:
            second.dim_param = "candidates"
    first, second = graph.output[0].type.tensor_type.shape.dim
    first.dim_param, second.dim_param = "viewers", "candidates"


def _properties(model: Any) -> dict[str, str]:
    """Say how the inputs of a ranking network are laid out, and which configuration it has."""
    return {PREFIX + "graph": SPLIT, PREFIX + "config": model.config.digest} if isinstance(model, Network) else {}


def _with_empty_row(ids: NDArray[np.int32]) -> NDArray[np.int32]:
    """Make the last row all zeros: an anonymous viewer without a history, at a screen nobody has seen."""
    changed = ids.copy()
    changed[-1] = 0
    return changed


def _difference(expected: list[NDArray[np.float32]], found: list[NDArray[np.float32]]) -> float:
    if [one.shape for one in expected] != [one.shape for one in found]:
        return float("inf")
    return max(float(np.abs(one - other).max()) for one, other in zip(expected, found, strict=True))
