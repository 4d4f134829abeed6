"""Rewriting TensorFlow Lite networks as ONNX. Needed at set-up time only."""

import os
import warnings
from pathlib import Path

import onnx

OPSET = 17


def onnx_of(source: Path) -> bytes:
    """Return a TensorFlow Lite network as a valid ONNX file, the same bytes every time.

    Args:
        source: a ``.tflite`` file with float32 weights.

    The inputs and outputs keep their names. The converter numbers what lies between by counters of its own, which
    change from run to run, and orders the weights by hash: both are made a matter of the graph alone.
    """
    # What TensorFlow says about processors and about its own future would bury what went wrong.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tf2onnx.convert import from_tflite

        model, _ = from_tflite(str(source), opset=OPSET)
    _number(model.graph)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _number(graph: onnx.GraphProto) -> None:
    """Name weights and values by their place in the graph, and sort the weights in the order of their use."""
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        for name in (*node.input, *node.output):
            names.setdefault(name, f"{'w' if name in weights else 'v'}{len(names)}" if name else "")
    for place, node in enumerate(graph.node):
        inputs, outputs = ([names[name] for name in side] for side in (node.input, node.output))
        del node.input[:], node.output[:]
        node.input.extend(inputs)
        node.output.extend(outputs)
        node.name = f"{node.op_type}{place}"
        attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
        del node.attribute[:]
        node.attribute.extend(attributes)
    used = [name for name in names if name in weights]
    for name in used:
        weights[name].name = names[name]
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(weights[name] for name in used)
    graph.name, graph.doc_string = "network", ""
