"""`python -m recsys.benchmark.trial MODEL DATA.npz OUT.json SCORES.npy SEED…`: one model in a process of its own.

So that the most memory it held is its own, and a crash is nobody else's.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.benchmark.models import MODELS
from recsys.benchmark.models.model import Model, Say, Scores
from recsys.benchmark.outcome import Outcome, Trial
from recsys.benchmark.prepared import Prepared
from recsys.serving.metadata import Calibration
from recsys.training.calibrate import fit_platt
from recsys.training.metrics import BINS, auc, expected_calibration_error, grouped_auc, log_loss, ndcg

DEPTH = 10
FEWEST_ROWS = 100


def main(arguments: list[str]) -> None:
    """Train one model with each seed and write its outcome, and the test scores of the first seed."""
    name, data, outcome, scores, *seeds = arguments
    found, first = run(name, Prepared.read(Path(data)), [int(seed) for seed in seeds])
    np.save(scores, first)
    found.write(Path(outcome))


def run(name: str, data: Prepared, seeds: list[int]) -> tuple[Outcome, Scores]:
    """Train one model with each seed; also give the test scores of the first seed, shape (rows of test,).

    A model that no seed changes is trained once. A model that has nothing to say about such data is skipped.
    """
    kind = MODELS[name]
    model = kind()
    skipped = model.unfit(data)
    trials: list[Trial] = []
    scores: Scores = np.zeros(0)
    for seed in [] if skipped else seeds[: None if model.seeded else 1]:
        model = kind()
        trial, found = try_once(model, data, seed=seed, say=_speaker(f"{name}, seed {seed}" if model.seeded else name))
        scores = scores if trials else found
        trials.append(trial)
    return Outcome(name, model.ours, model.seeded, tuple(trials), skipped, peak_mib()), scores


def try_once(model: Model, data: Prepared, *, seed: int, say: Say) -> tuple[Trial, Scores]:
    """Train, calibrate on the validation part and measure on the test part; also give the test scores as they are."""
    started = time.perf_counter()
    passes = model.fit(data, seed=seed, say=say)
    seconds = max(time.perf_counter() - started, 1e-9)
    earlier, scores = model.score(data, data.validation), model.score(data, data.test)
    centre, spread = float(earlier.mean()), float(earlier.std()) or 1.0
    squashed = _squash((earlier - centre) / spread)
    calibration = fit_platt(data.validation.labels, squashed)
    probabilities = _calibrated((scores - centre) / spread, calibration)
    labels, users = data.test.labels, data.test.user
    trial = Trial(
        seed=seed,
        auc=auc(labels, scores),
        gauc=grouped_auc(labels, scores, users),
        log_loss=log_loss(labels, probabilities),
        ece=expected_calibration_error(labels, probabilities),
        chance_ece=chance_ece(probabilities),
        ndcg=ndcg(labels, scores, users, DEPTH),
        coverage=coverage(model, data),
        anonymous_auc=anonymous_auc(model, data),
        new_item_auc=new_item_auc(data, scores),
        validation_log_loss=log_loss(data.validation.labels, _calibrated((earlier - centre) / spread, calibration)),
        passes=passes,
        seconds=seconds,
        rows_per_second=len(data.train) * passes / seconds,
    )
    say(f"done in {seconds:.1f} s: test AUC {'undefined' if trial.auc is None else format(trial.auc, '.4f')}")
    return trial, scores


def chance_ece(probabilities: NDArray[np.float64]) -> float:
    """Say which ECE probabilities have that are right, shape (rows,): labels fall to either side of them.

    The gap of a bin is nearly normal then, of variance the sum of p (1 - p) over its rows, and its mean size is the
    square root of 2 / pi times its standard deviation; on few rows, that is most of what any ECE measures (Bröcker and
    Smith, "Increasing the Reliability of Reliability Diagrams", Weather and Forecasting 22, 2007).
    """
    bins = np.minimum((probabilities * BINS).astype(np.intp), BINS - 1)
    variances = np.bincount(bins, weights=probabilities * (1 - probabilities))
    return float(np.sqrt(2 / np.pi * variances).sum() / len(probabilities))


def coverage(model: Model, data: Prepared) -> float | None:
    """Count which items of the sampled catalogue are among the first ten of at least one sampled user, as a share."""
    if not data.listed:
        return None
    scores = model.score(data, data.catalogue).reshape(-1, data.listed)
    items = data.catalogue.item.reshape(scores.shape)
    first = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    return len(np.unique(np.take_along_axis(items, first, axis=1))) / data.listed


def anonymous_auc(model: Model, data: Prepared) -> float | None:
    """Measure the AUC on the test part as a screen would reach it whose viewers did not choose to be known."""
    if (data.test.user < 0).all():
        return None
    return auc(data.test.labels, model.score(data, data.anonymous(data.test)))


def new_item_auc(data: Prepared, scores: Scores) -> float | None:
    """Measure the AUC among rows of the test part whose item nobody had seen in the train part."""
    rows = np.flatnonzero(data.new_items(data.test))
    return auc(data.test.labels[rows], scores[rows]) if len(rows) >= FEWEST_ROWS else None


def peak_mib() -> float:
    """Read the most memory this process held at a time, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says also counts the parent as it was when this process was started
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes, on macOS


def _squash(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn scores on any scale into numbers between 0 and 1, whose log-odds Platt scaling then stretches."""
    squashed: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(values, -15, 15)))
    return squashed


def _calibrated(values: NDArray[np.float64], calibration: Calibration) -> NDArray[np.float64]:
    logits = calibration.slope * np.clip(values, -15, 15) + calibration.intercept
    chances: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
    return chances


def _speaker(who: str) -> Say:
    def say(sentence: str) -> None:
        sys.stderr.write(f"{who}: {sentence}\n")

    return say


if __name__ == "__main__":
    main(sys.argv[1:])
