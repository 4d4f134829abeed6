"""Calibration as the last operations of a network's graph, so that whoever runs the file gets calibrated numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from recsys.serving.calibration import LARGEST, SMALLEST, Calibration, Shifts

UNCALIBRATED = "uncalibrated"
PREFIX = "calibration_"


def fold(graph: Any, calibration: Calibration) -> None:
    """Let a model's first output be the calibrated probability; nothing changes where calibration would change nothing.

    Exact: the slope and the shifts act on the very log-odds that the network's logistic function reads, as
    `recsys.serving.calibration.calibrate` does by turning the probability back.

    Args:
        graph: an `onnx.GraphProto` whose first output are probabilities, (viewers, candidates).
    """
    if calibration == Calibration():
        return
    output = graph.output[0].name
    _rename(graph, output, UNCALIBRATED)
    numbers = _number(graph, "slope", calibration.slope), _number(graph, "intercept", calibration.intercept)
    scaled = _add(graph, "Mul", [_log_odds(graph), numbers[0]], "scaled")
    moved = _add(graph, "Add", [scaled, numbers[1]], "moved")
    for feature, shifts in (("scene", calibration.scenes), ("position", calibration.positions)):
        if shifts:
            moved = _add(graph, "Add", [moved, _shift(graph, feature, shifts)], f"moved_by_{feature}")
    graph.node.append(helper.make_node("Sigmoid", [moved], [output], name=f"{PREFIX}probability"))


def _log_odds(graph: Any) -> str:
    """Find what the network's logistic function reads; where it ends otherwise, turn its probability back."""
    last = next(node for node in graph.node if UNCALIBRATED in node.output)
    if last.op_type == "Sigmoid" and not any(UNCALIBRATED in node.input for node in graph.node):
        graph.node.remove(last)
        return str(last.input[0])
    bounds = _number(graph, "smallest", float(SMALLEST)), _number(graph, "largest", float(LARGEST))
    safe = _add(graph, "Clip", [UNCALIBRATED, *bounds], "safe")
    rest = _add(graph, "Sub", [_number(graph, "one", 1.0), safe], "rest")
    return _add(graph, "Log", [_add(graph, "Div", [safe, rest], "odds")], "log_odds")


def _shift(graph: Any, feature: str, shifts: Shifts) -> str:
    """Look up what a scene or position adds, 0 for those without a shift; (viewers, 1)."""
    if feature not in {node.name for node in graph.input}:
        graph.input.append(helper.make_tensor_value_info(feature, TensorProto.INT32, ["viewers", 1]))
    ids = _array(graph, f"{feature}_ids", np.array([list(shifts)], dtype=np.int32))
    amounts = _array(graph, f"{feature}_shifts", np.array(list(shifts.values()), dtype=np.float32)[:, None])
    same = _add(graph, "Equal", [feature, ids], f"{feature}_same")
    chosen = _add(graph, "Cast", [same], f"{feature}_chosen", to=TensorProto.FLOAT)
    return _add(graph, "MatMul", [chosen, amounts], f"{feature}_shift")


def _rename(graph: Any, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new


def _add(graph: Any, operation: str, inputs: list[str], name: str, **attributes: Any) -> str:
    graph.node.append(helper.make_node(operation, inputs, [PREFIX + name], name=PREFIX + name, **attributes))
    return PREFIX + name


def _number(graph: Any, name: str, value: float) -> str:
    return _array(graph, name, np.array(value, dtype=np.float32))


def _array(graph: Any, name: str, values: Any) -> str:
    tensor: onnx.TensorProto = numpy_helper.from_array(values, PREFIX + name)
    graph.initializer.append(tensor)
    return str(tensor.name)
