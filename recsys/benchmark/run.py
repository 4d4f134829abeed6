"""One benchmark: a data set, a split, and every model in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from recsys.benchmark.bars import bar
from recsys.benchmark.log import Log
from recsys.benchmark.models import MODELS
from recsys.benchmark.models.model import Scores
from recsys.benchmark.outcome import Outcome
from recsys.benchmark.preparing import prepare
from recsys.benchmark.report import Report, report
from recsys.benchmark.splitting import How, split

FIRST_SEED: Final = 2026
MOST_THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        models: names of `recsys.benchmark.models.MODELS`, in the order in which they run.
        seeds: how many seeds; 2026 is the first.
        histories: whether models are told what users liked before.
    """

    models: tuple[str, ...]
    seeds: int = 1
    how: How = "global"
    histories: bool = True


def benchmark(log: Log, plan: Plan) -> Report:
    """Split a log, train every model on the same rows, and compare them.

    A model whose process fails is reported as failed and does not keep the others from being compared.

    Raises:
        BenchmarkRefused: the log cannot be split.
    """
    parts = split(log, plan.how)
    data = prepare(log, parts, histories=plan.histories)
    seeds = [FIRST_SEED + number for number in range(plan.seeds)]
    outcomes, scores = [], {}
    with TemporaryDirectory(prefix="benchmark-") as folder:
        path = Path(folder) / "data.npz"
        data.write(path)
        with bar(len(plan.models), "model") as (_, step):
            for name in plan.models:
                outcome, found = _in_process(name, path, seeds)
                outcomes.append(outcome)
                scores[name] = found
                step(f"{name}: {outcome.skipped or 'done'}")
    return report(log, parts, data.test, outcomes, scores, how=plan.how, histories=data.histories, seeds=seeds)


def _in_process(name: str, data: Path, seeds: Sequence[int]) -> tuple[Outcome, Scores]:
    outcome, scores = data.with_name(f"{name}.json"), data.with_name(f"{name}.npy")
    command = [sys.executable, "-m", "recsys.benchmark.trial", name, str(data), str(outcome), str(scores)]
    ended = subprocess.run([*command, *map(str, seeds)], env=_environment(), check=False)
    if ended.returncode or not outcome.exists():
        why = f"its process ended with status {ended.returncode}; its own words are above"
        kind = MODELS[name]
        return Outcome(name, kind.ours, kind.seeded, (), why, 0.0, failed=True), np.zeros(0)
    return Outcome.read(outcome), np.load(scores, allow_pickle=False)


def _environment() -> dict[str, str]:
    threads = str(min(MOST_THREADS, os.cpu_count() or 1))
    limits = {
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": "1",  # `implicit` spreads its own work and asks for this
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": "1",
    }
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
    return os.environ | limits | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
