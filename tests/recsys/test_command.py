"""`python -m recsys.training` contains whatever goes wrong in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from recsys.serving.ranker import Ranker
from recsys.training.errors import BadRequest
from recsys.training.request import TrainingRequest


def run(tmp_path, request, *, code="import sys; from recsys.training.__main__ import main; sys.exit(main())"):
    """Run the command; answers its exit code, its report and its progress."""
    (tmp_path / "request.json").write_text(request if isinstance(request, str) else json.dumps(request))
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "request.json"), str(report)], capture_output=True, text=True
    )
    content = json.loads(report.read_text()) if report.exists() else None
    return done.returncode, content, [json.loads(line) for line in done.stdout.splitlines() if line], done.stderr


WITHOUT_TENSORFLOW = (
    "import sys; sys.modules['tensorflow'] = None; from recsys.training.__main__ import main; sys.exit(main())"
)


@pytest.mark.training
def test_a_good_log_gives_a_model_a_report_and_progress(planted, tmp_path):
    request = {
        "parquet": str(planted.path),
        "output": str(tmp_path / "models"),
        "kinds": ["deepfm"],
        "max_rows": 2_000,
        "epochs": 2,
        "retrieval": False,
        "behaviour": False,
    }

    code, report, progress, _ = run(tmp_path, request)

    assert code == 0
    ranker = Ranker.load(tmp_path / "models" / report["artefact"]["file"], report["artefact"]["digest"])
    assert ranker.metadata.kind == "deepfm"
    stages = [line["stage"] for line in progress]
    assert stages == ["read", "read", *["deepfm"] * 4, "export", "export", "explain"]
    assert "weights" in progress[5]["message"]
    assert all(set(line) == {"stage", "done", "of", "message"} for line in progress)
    assert progress[4]["done"] == progress[4]["of"] == 2


@pytest.mark.parametrize(
    ("change", "error", "detail"),
    [
        (lambda rows: [dict(row, label=0) for row in rows], "one_class", "positives"),
        (lambda rows: [], "empty_log", "no examples"),
        (lambda rows: [rows[0], *rows], "duplicate_examples", "example_id"),
    ],
)
def test_a_bad_log_is_refused_with_a_code_before_tensorflow_loads(planted, write_log, tmp_path, change, error, detail):
    path = write_log(change(planted.rows[:200]))

    code, report, _, complaint = run(
        tmp_path, {"parquet": str(path), "output": str(tmp_path / "models")}, code=WITHOUT_TENSORFLOW
    )

    assert code == 2
    assert report["error"] == error
    assert detail in report["detail"]
    assert detail in complaint
    assert not (tmp_path / "models").exists()


def test_a_forbidden_column_is_refused_with_its_name(planted, write_log, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "log.parquet"
    pq.write_table(pq.read_table(planted.path).append_column("viewer_gender", pa.array([1] * 9_000)), path)

    code, report, _, _ = run(tmp_path, {"parquet": str(path), "output": str(tmp_path)}, code=WITHOUT_TENSORFLOW)

    assert code == 2
    assert report["error"] == "forbidden_feature"
    assert "viewer_gender" in report["detail"]


def test_a_corrupt_file_is_refused(tmp_path):
    (tmp_path / "log.parquet").write_bytes(b"PAR1 but no more")
    request = {"parquet": str(tmp_path / "log.parquet"), "output": str(tmp_path)}

    code, report, _, _ = run(tmp_path, request, code=WITHOUT_TENSORFLOW)

    assert (code, report["error"]) == (2, "unreadable_dataset")


def test_a_malformed_request_is_refused(tmp_path):
    code, report, _, _ = run(tmp_path, "{", code=WITHOUT_TENSORFLOW)

    assert (code, report["error"]) == (2, "bad_request")


def test_a_crash_is_neither_success_nor_refusal(planted, tmp_path):
    code, report, _, complaint = run(
        tmp_path, {"parquet": str(planted.path), "output": str(tmp_path)}, code=WITHOUT_TENSORFLOW
    )

    assert code == 1
    assert report is None
    assert "tensorflow" in complaint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parquet": 3}, "parquet must be a path"),
        ({"kinds": []}, "kinds"),
        ({"kinds": ["din", "din"]}, "kinds"),
        ({"kinds": ["dien"]}, "kinds"),
        ({"kinds": "din"}, "kinds"),
        ({"seed": -1}, "seed"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": True}, "epochs"),
        ({"batch_size": "many"}, "batch_size"),
        ({"max_rows": 0}, "max_rows"),
        ({"retrieval": "yes"}, "retrieval"),
        ({"speed": 1}, "speed"),
    ],
)
def test_a_senseless_request_is_refused(change, message):
    with pytest.raises(BadRequest, match=message):
        TrainingRequest.parse({"parquet": "log.parquet", "output": "models"} | change)


def test_a_request_survives_its_file(tmp_path):
    request = TrainingRequest(tmp_path / "log.parquet", tmp_path, kinds=("din",), max_rows=10, behaviour=False)

    request.write(tmp_path / "request.json")

    assert TrainingRequest.read(tmp_path / "request.json") == request


@pytest.mark.training
def test_loading_tensorflow_opens_no_socket_and_starts_no_thread():
    script = """
import sys, threading
events, threads, start = [], [], threading.Thread.start
sys.addaudithook(lambda event, _: events.append(event) if event.startswith(("socket.", "http.", "urllib.")) else None)
threading.Thread.start = lambda thread: (threads.append(str(thread._target)), start(thread))
import recsys.training.tensorflow
import deepctr
connections = [event for event in events if event not in ("socket.__new__", "socket.bind", "socket.gethostname")]
assert not connections, connections
assert not threads, threads
assert recsys.training.tensorflow.keras.Model.__module__.startswith("tf_keras"), recsys.training.tensorflow.keras.Model
print("quiet")
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert found.stdout.strip() == "quiet", found.stderr
