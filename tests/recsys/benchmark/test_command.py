"""The command as people run it: every model in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recsys.__main__ import main

Write = Callable[..., Path]


def test_a_log_becomes_a_table_and_a_report(planted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    out = tmp_path / "report.json"

    status = main(["benchmark", str(planted), "--models", "item-rate,als", "--seeds", "2", "--json", str(out)])

    printed = capfd.readouterr()
    report = json.loads(out.read_text())
    rate, als = report["models"]
    assert status == 0
    assert report["rows"] == {"train": 2400, "validation": 300, "test": 300}
    assert report["split"] == "global"
    assert report["seeds"] == [2026, 2027]
    assert [len(rate["trials"]), len(als["trials"])] == [1, 2]
    assert rate["auc"]["interval"] is None
    assert als["auc"]["interval"][0] <= als["auc"]["mean"] <= als["auc"]["interval"][1]
    assert als["auc"]["mean"] > 0.65
    assert 20 < rate["peak_mib"] < 400
    assert "item-rate" in printed.out
    assert "NDCG@10" in printed.out
    assert "als, seed 2027: done" in printed.err


def test_sequences_are_judged_among_drawn_items(written: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    path = written(
        *(f"u{user} {user % 5} {user % 5 + 1} {user % 5 + 2} {user % 7}" for user in range(40)), name="s.txt"
    )
    out = tmp_path / "report.json"

    assert main(["benchmark", str(path), "--split", "user", "--models", "popularity", "--json", str(out)]) == 0

    report = json.loads(out.read_text())
    assert report["positives"]["test"] == 40
    assert any("uniformly" in note for note in report["notes"])
    assert "Labels of 0 are drawn" in capfd.readouterr().out


def test_a_model_that_fails_is_said_to_have_failed(
    planted: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from recsys.benchmark import run

    monkeypatch.setattr(run, "_environment", lambda: {"PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere"})

    assert main(["benchmark", str(planted), "--models", "popularity"]) == 1
    assert "popularity failed: its process ended with status" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--models", "oracle"], "options_unusable: --models is oracle."),
        (["--user", "who"], "column_missing: There is no column who."),
        (["--json", "/nowhere/at/all.json"], "options_unusable"),
        (["--categorical", "noise", "--numeric", "noise"], "column_unusable"),
    ],
)
def test_refusals_are_one_line_and_train_nothing(
    planted: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["benchmark", str(planted), *arguments]) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert says in printed.err


def test_what_a_face_gives_away_is_refused(written: Write, capsys: pytest.CaptureFixture[str]):
    path = written("user,item,label,timestamp,age", "a,x,1,1,30", "a,y,0,2,40")

    assert main(["benchmark", str(path)]) == 1
    assert "forbidden_feature" in capsys.readouterr().err


def test_asking_for_help_loads_no_tensorflow():
    code = "import sys, recsys.__main__; from recsys.benchmark import models; print('tensorflow' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "False"
