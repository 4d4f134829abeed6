"""Registers three models of a site's operator; prints their ids and the digests of their files as JSON.

Runs as a process of its own, since a site has its own database and its own folder of models, once Django is set up
there. Each model gives every creative one probability.
"""

import json
import sys
import tempfile
from pathlib import Path

import onnx
from onnx import TensorProto, helper

import registry.services
from accounts.models import Operator
from core.tenancy import operator_scope, platform_scope
from recsys.features import DEFAULT_SPEC
from recsys.serving.metadata import SPLIT, Calibration, ModelMetadata

PROBABILITIES = (0.1, 0.2, 0.3)


def model(probability: float) -> bytes:
    """Return a model for viewers and candidates apart that gives every pair the same probability."""
    nodes = [
        helper.make_node("Cast", [name], [f"{name} number"], to=TensorProto.FLOAT) for name in ("hour", "creative")
    ]
    nodes += [
        helper.make_node("Add", ["hour number", "creative number"], ["pair"]),
        helper.make_node("Mul", ["pair", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "probability"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "constant",
        [
            helper.make_tensor_value_info("hour", TensorProto.INT32, ["viewers", 1]),
            helper.make_tensor_value_info("creative", TensorProto.INT32, ["groups", "candidates"]),
        ],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["viewers", "candidates"])],
        [
            helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
            helper.make_tensor("probability", TensorProto.FLOAT, [], [probability]),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    about = ModelMetadata(
        kind="deepfm", spec=DEFAULT_SPEC.digest, data="0" * 64, trained_at="2026-11-22T02:30:00+00:00",
        calibration=Calibration(), graph=SPLIT,
    )  # fmt: skip
    helper.set_model_props(made, about.properties())
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


def stage() -> list[dict[str, str]]:
    """Register the models."""
    with platform_scope():
        operator = Operator.objects.get(slug="harbour-retail")
    found = []
    with tempfile.TemporaryDirectory() as folder, operator_scope(operator.id):
        for probability in PROBABILITIES:
            source = Path(folder) / f"{probability}.onnx"
            source.write_bytes(model(probability))
            version = registry.services.register(
                operator_id=operator.id, source=source, seed=1, code_version="test", actor="system:test"
            )
            found.append({"id": version.public_id, "digest": version.file_digest})
    return found


if __name__ == "__main__":
    json.dump(stage(), sys.stdout)
