"""A log with something in it, and a training process without TensorFlow: it hands over a model made beforehand."""

import shutil
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import onnx
import pytest
from celery import current_app
from onnx import TensorProto, helper
from pytest_django import Settings

from accounts.models import Operator
from accounts.services import create_operator
from core.tenancy import operator_scope
from recsys.features import DEFAULT_SPEC
from recsys.hashing import identifier
from recsys.serving.metadata import SPLIT, Calibration, ModelMetadata
from training import pipeline, process, services
from training.models import Run

Row = dict[str, Any]
START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, settings: Settings) -> None:
    """Data sets and models live as long as the test."""
    settings.DATASETS = tmp_path / "datasets"
    settings.RANKING_MODELS = tmp_path / "ranking"


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[tuple[str, tuple[str, ...]]]:
    """The tasks that were sent; no broker is asked unless a test is marked ``fault``."""
    log: list[tuple[str, tuple[str, ...]]] = []

    class Message:
        def __init__(self, name: str, args: tuple[str, ...]) -> None:
            self.message = (name, args)

        def apply_async(self, retry: bool) -> None:
            log.append(self.message)

    if request.node.get_closest_marker("fault") is None:
        monkeypatch.setattr(current_app._get_current_object(), "signature", Message)
    return log


@pytest.fixture
def tenant(transactional_db: None) -> Operator:
    """An operator whose rows are committed, as workers need them; nobody's scope is entered."""
    return create_operator(name="Harbour Retail", slug="harbour-retail")


def row(number: int, *, viewer: str | None = None, source: str = "plays") -> Row:
    """One example: four fifths engage with the good creative, one fifth with the bad one."""
    good = number % 2 == 0
    engaged = (number // 2) % 5 != 0 if good else (number // 2) % 5 == 0
    return {
        "example_id": f"pla_{number}",
        "at": START + timedelta(minutes=number),
        "viewer": viewer,
        "creative": "crv_good" if good else "crv_bad",
        "category": "movies.drama",
        "advertiser": None,
        "screen": "scr_1",
        "venue": "ven_1",
        "venue_category": "entertainment.movie_theaters",
        "scene": "lobby",
        "hour": number // 60 % 24,
        "weekday": number // 1440 % 7,
        "position": 0,
        "party": 1,
        "propensity": 0.5,
        "history_creatives": [],
        "history_categories": [],
        "label": int(engaged),
        "source": source,
    }


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Row]], None]:
    """Let the log hold these rows."""

    def hold(rows: list[Row]) -> None:
        def examples(*, operator_id: UUID, until: datetime) -> Iterator[Row]:
            yield from rows

        monkeypatch.setattr("events.selectors.examples", examples)

    hold([row(number) for number in range(600)])
    return hold


def model(good: float, bad: float) -> bytes:
    """A model that gives the good creative one probability and every other one another."""
    known = identifier("creative", "crv_good", DEFAULT_SPEC.sizes["creative"])
    initializers = [
        helper.make_tensor("known", TensorProto.INT32, [], [known]),
        helper.make_tensor("nothing", TensorProto.INT32, [], [0]),
        helper.make_tensor("good", TensorProto.FLOAT, [], [good]),
        helper.make_tensor("bad", TensorProto.FLOAT, [], [bad]),
    ]  # fmt: skip
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["hour", "nothing"], ["anybody"]),
            helper.make_node("Add", ["creative", "anybody"], ["shown"]),
            helper.make_node("Equal", ["shown", "known"], ["is_good"]),
            helper.make_node("Where", ["is_good", "good", "bad"], ["scores"]),
        ],
        "two creatives",
        [
            helper.make_tensor_value_info("creative", TensorProto.INT32, ["groups", "candidates"]),
            helper.make_tensor_value_info("hour", TensorProto.INT32, ["viewers", 1]),
        ],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["viewers", "candidates"])],
        initializers,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    about = ModelMetadata(
        kind="deepfm",
        spec=DEFAULT_SPEC.digest,
        data=sha256(b"data").hexdigest(),
        trained_at=START.isoformat(),
        calibration=Calibration(),
        graph=SPLIT,
    )
    helper.set_model_props(made, about.properties())
    onnx.checker.check_model(made)
    content: bytes = made.SerializeToString()
    return content


@dataclass(frozen=True, slots=True)
class Trainer:
    """A stand-in for ``python -m recsys.training`` that keeps its contract: same arguments, output and exit codes."""

    folder: Path

    def hands_over(self, good: float, bad: float) -> None:
        """Let it succeed with this model."""
        made = self.folder / f"{good}-{bad}.onnx"
        made.write_bytes(model(good, bad))
        self.does(f"""
            tell("deepfm", 1, 2, "validation log loss 0.5")
            output = Path(request["output"])
            output.mkdir()
            shutil.copy({str(made)!r}, output / "model.onnx")
            told = {{"kind": "deepfm", "rows": {{"train": 420}}, "artefact": {{"file": "model.onnx"}}}}
            report.write_text(json.dumps(told))
        """)

    def does(self, body: str) -> None:
        """Let it do something else."""
        head = """
            import json, os, shutil, signal, sys, time
            from pathlib import Path
            request, report = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
            def tell(stage, done, of, message):
                print(json.dumps({"stage": stage, "done": done, "of": of, "message": message}), flush=True)
            """
        shutil.rmtree(self.folder / "__pycache__", ignore_errors=True)  # it is told from new code by the second
        (self.folder / "stand_in_training.py").write_text(textwrap.dedent(head) + textwrap.dedent(body))


@pytest.fixture
def trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trainer:
    """The stand-in; it hands over a good model unless told otherwise."""
    folder = tmp_path / "trainer"
    folder.mkdir()
    monkeypatch.setattr(process, "MODULE", "stand_in_training")
    monkeypatch.setattr(process, "TICK", 0.05)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    stand_in = Trainer(folder)
    stand_in.hands_over(0.8, 0.2)
    return stand_in


@pytest.fixture
def request_and_run(tenant: Operator) -> Callable[[], Run]:
    """Ask for a run and carry it out, as API and worker do together."""

    def carry_out() -> Run:
        with operator_scope(tenant.id):
            requested = services.request_run(operator_id=tenant.id, trigger="demand", actor="member:one")
        pipeline.run(operator_id=tenant.id, run_id=requested.id)
        with operator_scope(tenant.id):
            return Run.objects.get(id=requested.id)

    return carry_out


@pytest.fixture
def log_row() -> Callable[..., Row]:
    """Make one example."""
    return row


@pytest.fixture
def trained_file(tmp_path: Path) -> Path:
    """A model as a training leaves it."""
    path = tmp_path / "trained.onnx"
    path.write_bytes(model(0.8, 0.2))
    return path


@pytest.fixture
def other_trained_file(tmp_path: Path) -> Path:
    """Another one."""
    path = tmp_path / "other.onnx"
    path.write_bytes(model(0.7, 0.3))
    return path
