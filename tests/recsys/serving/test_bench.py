"""The bench times what a decision costs, beside the session call on the very same decision."""

from __future__ import annotations

import numpy as np
import pytest

from recsys import bench
from recsys.bench import Speed, speeds
from recsys.serving.ranker import Ranker


def test_rank_and_bare_call_score_the_same_decisions_in_turns(write_model, monkeypatch):
    ranker = Ranker.load(*write_model())
    told, rank, run = [], ranker.rank, ranker.run
    monkeypatch.setattr(ranker, "rank", lambda *given: told.append(("rank", found := rank(*given))) or found)
    monkeypatch.setattr(ranker, "run", lambda feeds: told.append(("bare", found := run(feeds))) or found)

    (speed,) = speeds({"small": ranker}, 7, viewers=2, rounds=2)

    assert [what for what, _ in told] == ["rank", "rank", "bare", "rank", "bare", "rank"]
    assert len({scores.tobytes() for _, scores in told}) == 1
    assert told[0][1].shape == (2, 7)
    assert (speed.name, speed.viewers, speed.candidates) == ("small", 2, 7)


def test_peers_are_timed_without_a_bare_call(write_model):
    calls = []

    found = speeds({}, 7, rounds=3, peers={"trees": lambda: calls.append(1)})

    assert [(speed.name, speed.bare_ms, speed.ratio) for speed in found] == [("trees", None, None)]
    assert len(calls) == 6


def test_figures_are_laid_out_with_their_ratios():
    speed = Speed("din", 1, 200, median_ms=0.6, p99_ms=0.9, bare_ms=0.5)

    assert speed.ratio == pytest.approx(1.2)
    assert speed.spread == pytest.approx(1.5)
    assert speed.line().split() == ["din", "1", "200", "0.600", "0.900", "1.5", "0.500", "1.20"]
    assert len(bench.HEADER.split("  ")) > 5


def test_files_are_timed_from_the_command_line(write_model, capsys, monkeypatch):
    monkeypatch.setattr(bench, "COUNTS", (3, 5))
    monkeypatch.setattr(bench, "ROUNDS", 2)

    bench.main([write_model()[0]])

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["model.onnx", "1", "3"], ["model.onnx", "1", "5"]]
    assert np.isfinite([float(number) for line in lines[1:] for number in line.split()[3:]]).all()
