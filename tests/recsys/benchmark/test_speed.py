"""One run times our networks beside LightGBM and says which bars they meet."""

from __future__ import annotations

import json

import pytest

from recsys.__main__ import main
from recsys.bench import Speed
from recsys.benchmark.fidelity import Fidelity
from recsys.benchmark.speed import SpeedReport, bars
from recsys.training.report import QuantisationReport


def test_bars_are_judged_at_two_hundred_candidates_of_one_viewer_and_beside_the_trees_at_every_count():
    found = [
        Speed("din", 1, 20, median_ms=0.25, p99_ms=0.5, bare_ms=0.2),
        Speed("lightgbm", 1, 20, median_ms=0.2, p99_ms=0.3),
        Speed("din", 1, 200, median_ms=0.6, p99_ms=2.4, bare_ms=0.5),
        Speed("lightgbm", 1, 200, median_ms=1.2, p99_ms=1.3),
        Speed("din", 4, 200, median_ms=9.0, p99_ms=9.0, bare_ms=1.0),
        Speed("din int8", 1, 200, median_ms=9.0, p99_ms=9.0, bare_ms=1.0),
    ]

    assert bars(found, ["din"]) == [
        "met    din, 200 candidates, times the bare call: 1.20, at most 1.20",
        "MISSED din, 200 candidates, p99 / p50: 4.00, at most 3.00",
        "met    din, 200 candidates, ms: 0.60, at most 1.00",
        "MISSED din, 20 candidates, times LightGBM's time: 1.25, at most 1.00",
        "met    din, 200 candidates, times LightGBM's time: 0.50, at most 1.00",
    ]


def test_accuracy_says_what_the_faster_network_loses_and_why_a_smaller_file_is_refused():
    smaller = QuantisationReport("int8", "AUC moves by 0.0020, allowed are less than 0.0005", 0.7, 0.702, 0.01, 25, 100)
    told = Fidelity("log", {"din": [0.70, 0.72], "dotdin": [0.71, 0.70]}, "dotdin", (smaller,)).lines()

    assert told[1:3] == ["  din           0.7100  (0.7000, 0.7200)", "  dotdin        0.7050  (0.7100, 0.7000)"]
    assert told[3] == "MISSED dotdin less din: -0.0050, at least 0"
    assert told[4].endswith("0.25 of the bytes: AUC moves by 0.0020, allowed are less than 0.0005")
    assert "met    din" not in "".join(Fidelity("log", {"din": [0.7]}, "din", ()).lines())


def test_the_report_reads_as_a_table_and_as_json(tmp_path):
    report = SpeedReport("cpu", (Speed("din", 1, 20, 0.25, 0.5, 0.2),), ("met    it",))

    report.write(tmp_path / "speed.json")

    assert report.table().splitlines()[0] == "milliseconds of cpu time"
    assert report.table().splitlines()[-1] == "met    it"
    assert json.loads((tmp_path / "speed.json").read_text())["speeds"][0]["median_ms"] == 0.25


@pytest.mark.parametrize("arguments", [["--models", "dien"], ["--models", ","], ["--json", "nowhere/out.json"]])
def test_senseless_options_are_refused_before_anything_is_timed(arguments, capsys, monkeypatch):
    monkeypatch.setattr("recsys.benchmark.speed.measure_speed", None)

    assert main(["speed", *arguments]) == 1
    assert capsys.readouterr().err.startswith("options_unusable: ")


@pytest.mark.training
def test_networks_smaller_files_trees_and_shortlists_are_timed_in_one_run(monkeypatch, capsys, tmp_path):
    from recsys.benchmark import speed

    monkeypatch.setattr(speed, "CATALOGUES", (1_500,))
    monkeypatch.setattr(speed, "TREES", 2)
    monkeypatch.setattr(speed, "TREE_ROWS", 500)
    monkeypatch.setattr("recsys.commands.speed.COUNTS", (7,))

    assert main(["speed", "--models", "dotdin", "--rounds", "1", "--json", str(tmp_path / "out.json")]) == 0

    timed = json.loads((tmp_path / "out.json").read_text())["speeds"]
    assert [(each["name"], each["viewers"], each["candidates"]) for each in timed] == [
        ("dotdin", 1, 7),
        ("dotdin float16", 1, 7),
        ("dotdin int8", 1, 7),
        ("lightgbm", 1, 7),
        ("dotdin", 4, 200),
        ("dotdin float16", 4, 200),
        ("dotdin int8", 4, 200),
        ("shortlist", 1, 1_500),
    ]
    assert "dotdin, 7 candidates, times LightGBM's time" in capsys.readouterr().out
