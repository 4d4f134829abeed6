"""Small real ONNX models, registered as a training would."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from pytest_django import Settings

from accounts.models import Operator
from accounts.services import create_operator
from recsys.features import DEFAULT_SPEC, Context, Item, Viewer, encode_items
from recsys.serving.metadata import SPLIT, Calibration, ModelMetadata
from recsys.serving.protocol import RankerProtocol
from registry.models import ModelVersion
from registry.services import register

Write = Callable[..., Path]
Train = Callable[..., ModelVersion]


def constant_model(probability: float, *, spec: str = DEFAULT_SPEC.digest) -> bytes:
    """A model that gives every row the same probability."""
    nodes = [
        helper.make_node("Add", ["creative", "hour"], ["pairs"]),
        helper.make_node("Cast", ["pairs"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "probability"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "constant",
        [
            helper.make_tensor_value_info("creative", TensorProto.INT32, ["groups", "candidates"]),
            helper.make_tensor_value_info("hour", TensorProto.INT32, ["viewers", 1]),
        ],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["viewers", "candidates"])],
        [
            helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
            helper.make_tensor("probability", TensorProto.FLOAT, [], [probability]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    about = ModelMetadata(
        kind="deepfm",
        spec=spec,
        data=sha256(b"data").hexdigest(),
        trained_at=datetime(2026, 11, 22, 2, 30, tzinfo=UTC).isoformat(),
        calibration=Calibration(),
        graph=SPLIT,
    )
    helper.set_model_props(model, about.properties())
    content: bytes = model.SerializeToString()
    onnx.checker.check_model(content)
    return content


@pytest.fixture(autouse=True)
def ranking_models(tmp_path: Path, settings: Settings) -> Path:
    """A folder for model files that lives as long as the test."""
    settings.RANKING_MODELS = tmp_path / "ranking"
    return tmp_path / "ranking"


@pytest.fixture
def model_file(tmp_path: Path) -> Write:
    """Write a model that gives every row one probability."""

    def write(probability: float = 0.25, **about: str) -> Path:
        path = tmp_path / f"trained-{probability}.onnx"
        path.write_bytes(constant_model(probability, **about))
        return path

    return write


@pytest.fixture
def trained(model_file: Write, operator: Operator) -> Train:
    """Register a model that gives every row one probability."""

    def train(probability: float = 0.25, operator_id: object = None) -> ModelVersion:
        return register(
            operator_id=operator_id or operator.id,  # type: ignore[arg-type]
            source=model_file(probability),
            seed=7,
            code_version="0.1.0+test",
            actor="system:test",
            metrics={"auc": 0.7},
            consent_snapshot={"learn": 3},
        )

    return train


@pytest.fixture
def score() -> Callable[[RankerProtocol], float]:
    """Ask a ranker what it thinks of one creative."""
    context = Context(screen="s", venue="v", venue_category="c", scene="x", hour=9, weekday=1, party=1)
    candidates = encode_items([Item("crv_1", "film-drama"), Item("crv_2", "film-comedy")])

    def ask(ranker: RankerProtocol) -> float:
        return round(float(ranker.rank(context, [Viewer()], candidates)[0, 0]), 4)

    return ask


@pytest.fixture
def committed(transactional_db: None) -> Operator:
    """An operator whose rows are committed; nobody's scope is entered."""
    return create_operator(name="Harbour Retail", slug="harbour-retail")
