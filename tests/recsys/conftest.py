"""A log with a planted taste, and one training of it that all tests share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.features import DEFAULT_SPEC, Behaviour
from recsys.serving.metadata import SPLIT, Calibration, ModelMetadata
from recsys.training.dataset import SCHEMA
from recsys.training.request import TrainingRequest

CATEGORIES = ("shoes", "coffee", "books", "travel", "games", "garden")
CREATIVES = 60
START = datetime(2026, 5, 1, tzinfo=UTC)

Row = dict[str, Any]


def category_of(creative: int) -> str:
    return CATEGORIES[creative % len(CATEGORIES)]


def taste_of(viewer: int) -> str:
    """The category that a viewer engages with."""
    return CATEGORIES[viewer * 7 % len(CATEGORIES)]


def planted_rows(rows: int, seed: int = 7) -> list[Row]:
    """A log in which viewers engage with one category each; one row in five is anonymous and engages at random."""
    random = np.random.default_rng(seed)
    histories: dict[int, list[int]] = {}
    log = []
    for number in range(rows):
        viewer = int(random.integers(0, 60)) if random.random() > 0.2 else None
        creative = int(random.integers(0, CREATIVES))
        history = [] if viewer is None else histories.setdefault(viewer, [])
        wanted = viewer is not None and taste_of(viewer) == category_of(creative)
        label = int(random.random() < (0.95 if wanted else 0.05))
        at = START + timedelta(minutes=number)
        log.append(
            {
                "example_id": f"example-{number}",
                "at": at,
                "viewer": None if viewer is None else f"viewer-{viewer}",
                "creative": f"creative-{creative}",
                "category": category_of(creative),
                "advertiser": None if creative % 4 == 0 else f"advertiser-{creative % 4}",
                "screen": f"screen-{number % 3}",
                "venue": "venue-1",
                "venue_category": "retail",
                "scene": "checkout",
                "hour": at.hour,
                "weekday": at.weekday(),
                "position": number % 2,
                "party": 1,
                "propensity": 0.1 if number % 2 else None,
                "history_creatives": [f"creative-{item}" for item in history[:50]],
                "history_categories": [category_of(item) for item in history[:50]],
                "label": label,
                "source": "planted" if number % 2 else "other",
            }
        )
        if label and viewer is not None:
            history.insert(0, creative)
    return log


@dataclass(frozen=True, slots=True)
class Log:
    """A log as rows and as a Parquet file."""

    rows: list[Row]
    path: Path


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Log:
    path = tmp_path_factory.mktemp("log") / "planted.parquet"
    rows = planted_rows(9_000)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    return Log(rows, path)


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[..., Path]:
    """Write rows, or a table, as a log of its own."""

    def write(rows: list[Row] | pa.Table, schema: pa.Schema | None = SCHEMA) -> Path:
        path = tmp_path / "log.parquet"
        pq.write_table(rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows, schema=schema), path)
        return path

    return write


class LoverOf:
    """Histories of viewers who have engaged with one category only."""

    categories = CATEGORIES

    def __call__(self, category: str) -> tuple[Behaviour, ...]:
        """Ten behaviours of one category."""
        loved = [number for number in range(CREATIVES) if category_of(number) == category]
        return tuple(Behaviour(f"creative-{number}", category) for number in loved)


@pytest.fixture(scope="session")
def lover_of() -> LoverOf:
    return LoverOf()


@pytest.fixture(scope="session")
def trained(planted: Log, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The report of one training of everything on the planted log, and where its files are."""
    from recsys.training.experiment import train

    output = tmp_path_factory.mktemp("models")
    stages: list[str] = []
    request = TrainingRequest(planted.path, output, seed=3)
    report = train(request, progress=lambda stage, done, of, message: stages.append(stage))
    return Trained(report, output, stages, request)


@dataclass(frozen=True, slots=True)
class Trained:
    """What one training left behind."""

    report: Any
    output: Path
    stages: list[str]
    request: TrainingRequest

    @property
    def file(self) -> Path:
        return self.output / self.report.artefact.file


@pytest.fixture
def write_model(tmp_path: Path) -> Callable[..., tuple[Path, str]]:
    """Write a small ONNX model whose log-odds are (creative + hour) x 3e-5; answers its path and digest."""

    def write(
        spec: str = DEFAULT_SPEC.digest,
        *,
        drop: str = "",
        output: str = "float",
        graph: str = SPLIT,
        viewer: str = "hour",
    ) -> tuple[Path, str]:
        metadata = ModelMetadata("din", spec, "data", "2026-01-01T00:00:00+00:00", Calibration(), graph)
        properties = {name: value for name, value in metadata.properties().items() if not name.endswith(drop or "-")}
        model = sigmoid_model(not_a_number=output == "nan", viewer=viewer)
        onnx.helper.set_model_props(model, properties)
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return path, sha256(path.read_bytes()).hexdigest()

    return write


def sigmoid_model(*, not_a_number: bool = False, viewer: str = "hour") -> Any:
    """A split graph of four operations, made without TensorFlow.

    Args:
        viewer: the feature that stands for the viewer's side; `creative` for a graph that has none.
    """
    names = dict.fromkeys(("creative", viewer))
    ids = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT32, [None, None]) for name in names]
    scores = onnx.helper.make_tensor_value_info("probability", onnx.TensorProto.FLOAT, [None, None])
    scale = onnx.numpy_helper.from_array(np.float32([np.nan if not_a_number else 3e-5]), "scale")
    nodes = [
        onnx.helper.make_node("Add", ["creative", viewer], ["sum"]),
        onnx.helper.make_node("Cast", ["sum"], ["number"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Mul", ["number", "scale"], ["logit"]),
        onnx.helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    graph = onnx.helper.make_graph(nodes, "sigmoid", ids, [scores], [scale])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
