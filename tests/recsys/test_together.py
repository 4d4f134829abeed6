"""Two processes train one model from the command line, end to end."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from recsys.serving.ranker import Ranker
from recsys.training.request import TrainingRequest

pytestmark = [pytest.mark.training]

ROOT = Path(__file__).parents[2]


def free_addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def start(folder, log, number, workers):
    """Start one of the machines, each with a request, a folder and a report of its own."""
    request, report = folder / f"request-{number}.json", folder / f"report-{number}.json"
    TrainingRequest(
        parquet=log,
        output=folder / f"model-{number}",
        kinds=("fm",),
        epochs=1,
        batch_size=256,
        max_rows=600,
        retrieval=False,
        behaviour=False,
    ).write(request)
    command = [sys.executable, "-m", "recsys.training", str(request), str(report)]
    return subprocess.Popen(
        [*command, "--workers", ",".join(workers), "--worker", str(number)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "TF_CONFIG"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def trained(planted, tmp_path_factory):
    """The folder in which two machines have trained, and what they said."""
    folder = tmp_path_factory.mktemp("together")
    workers = free_addresses(2)
    processes = [start(folder, planted.path, number, workers) for number in range(2)]
    try:
        told = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [process.returncode for process in processes] == [0, 0], told[0][1][-3_000:] + told[1][1][-3_000:]
    return folder, [[json.loads(line) for line in output.splitlines()] for output, _ in told]


def test_the_first_machine_reports_a_model_that_serves(trained):
    folder, _ = trained
    report = json.loads((folder / "report-0.json").read_text())

    model = folder / "model-0" / report["artefact"]["file"]
    digest = sha256(model.read_bytes()).hexdigest()
    assert digest == report["artefact"]["digest"]
    assert Ranker.load(model, digest).metadata.kind == "fm"
    assert len(report["models"]["fm"]["validation_log_loss"]) == 1


def test_the_other_machine_learns_along_and_writes_nothing(trained):
    folder, (first, second) = trained

    assert not (folder / "report-1.json").exists()
    assert not (folder / "model-1").exists()
    losses = [[line["message"] for line in lines if "log loss" in line["message"]] for lines in (first, second)]
    assert len(losses[0]) == 1
    assert losses[0] == losses[1]
