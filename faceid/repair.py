"""Rewriting the published networks into ONNX that onnxruntime accepts. Needed at set-up time only.

The files are block-quantised: every weight is a ``DequantizeLinear`` of constants, some with a zero point of the wrong
shape, and the recogniser declares its weights as inputs as well. The repair computes those constants once, in float32,
drops what nothing uses, frees the dimensions that may vary, unfolds what onnxruntime runs slowly, and serialises
deterministically.
"""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from faceid.repair_slopes import fold_normalisations, unfold_slopes

_FOLDED = ("DequantizeLinear", "Reshape")


def repair(source: Path, *, dynamic_axes: dict[int, str]) -> bytes:
    """Return a network as a valid ONNX file with float32 weights.

    Args:
        source: the published file.
        dynamic_axes: axes of the one true input that may have any length, with their names.
    """
    model = onnx.load(source)
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = fold_normalisations(_fold(list(graph.node), constants), constants)
    nodes = unfold_slopes(nodes, constants)
    if 0 in dynamic_axes:
        _free_batch(nodes, constants)
    used = {name for node in nodes for name in node.input}
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(constants[name], name) for name in sorted(used & constants.keys()))
    _free_dimensions(graph, used - constants.keys(), dynamic_axes)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _fold(nodes: list[onnx.NodeProto], constants: dict[str, NDArray[np.generic]]) -> list[onnx.NodeProto]:
    """Compute every foldable node whose inputs are constants into ``constants``; return the other nodes in order."""
    remaining, progress = nodes, True
    while progress:
        waiting = []
        for node in remaining:
            if node.op_type in _FOLDED and all(name in constants for name in node.input):
                constants[node.output[0]] = _computed(node, [constants[name] for name in node.input])
            else:
                waiting.append(node)
        progress, remaining = len(waiting) < len(remaining), waiting
    return remaining


def _computed(node: onnx.NodeProto, inputs: list[NDArray[np.generic]]) -> NDArray[np.generic]:
    if node.op_type == "Reshape":
        return inputs[0].reshape(tuple(int(side) for side in np.atleast_1d(inputs[1])))
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    return _dequantized(*inputs, axis=attributes.get("axis", 1), block=attributes.get("block_size", 0))


def _dequantized(
    values: NDArray[np.generic],
    scale: NDArray[np.generic],
    zero_point: NDArray[np.generic],
    *,
    axis: int,
    block: int,
) -> NDArray[np.float32]:
    """Compute (values - zero point) x scale per block, as ONNX operator DequantizeLinear-21 defines it."""
    if block:
        length = values.shape[axis]
        scale = np.repeat(scale, block, axis=axis).take(range(length), axis=axis)
        zero_point = np.repeat(zero_point, block, axis=axis).take(range(length), axis=axis)
    offset = values.astype(np.int32) - zero_point.astype(np.int32)
    return np.asarray(offset.astype(np.float32) * scale.astype(np.float32), dtype=np.float32)


def _free_batch(nodes: list[onnx.NodeProto], constants: dict[str, NDArray[np.generic]]) -> None:
    """Let reshapes to one item keep as many items as there are: 0 copies the length (ONNX operator Reshape-21)."""
    for node in nodes:
        if node.op_type == "Reshape":
            shape = constants[node.input[1]].copy()
            if shape[0] == 1:
                shape[0] = 0
            constants[node.input[1]] = shape


def _free_dimensions(graph: onnx.GraphProto, wanted: set[str], dynamic_axes: dict[int, str]) -> None:
    """Leave the one input that is not a weight, with the given axes free, and promise no sides of the outputs."""
    inputs = [value for value in graph.input if value.name in wanted]
    del graph.input[:]
    graph.input.extend(inputs)
    for axis, name in dynamic_axes.items():
        graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    for output in graph.output:
        for dimension in output.type.tensor_type.shape.dim:
            dimension.Clear()
