"""How fast our networks learn, beside deepctr's as they come, and what both have learnt by then."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

from recsys.features import FeatureSpec
from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Split
from recsys.training.feeding import Held
from recsys.training.fit import LONG_LOG, SCORING_BATCH, Average, begin_at_base_rate, log_loss, score, swifter
from recsys.training.metrics import measure
from recsys.training.networks import build
from recsys.training.progress import Progress, silent
from recsys.training.steps import Steps
from recsys.training.stock import feeds_of, stock
from recsys.training.task import Task
from recsys.training.tensorflow import seed_everything

BATCH = 1_024
PATIENCE = 2
SIZES: Final[Mapping[str, Mapping[str, Any]]] = {
    "usual": {},
    "wide": {"width": 16, "narrow": 16, "hidden": (200, 80), "attention": (80, 40)},
}
"""Widths and layers: the product's usual ones, and those that recommenders on large machines have."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How one network learnt.

    Rates are of learning alone: averaging weights and scoring validation rows after each pass are left out.

    Attributes:
        rows_per_second: median over passes, the first left out, which prepares the others.
        cpu_rows_per_second: the same per second of processor time, of all threads: what a busy machine does not change.
        passes: gone through.
        best: the pass after which the validation loss was lowest.
        auc: on test rows, with the weights that were best on validation rows.
        log_loss: on the same, in nats.
    """

    name: str
    rows_per_second: float
    cpu_rows_per_second: float
    passes: int
    best: int
    auc: float
    log_loss: float


def compare(
    kinds: tuple[str, ...],
    split: Split,
    spec: FeatureSpec,
    *,
    passes: int,
    seed: int,
    sizes: str = "usual",
    progress: Progress = silent,
) -> list[Pace]:
    """Train deepctr's network and ours on the same rows at the same 1,024 rows a step, a pass of each in turns.

    From a long log ours learn at both paces, as `recsys.training.fit` has them, and what validation rows find better is
    the one that counts.

    Args:
        kinds: of our networks: deepfm, or din and others like it; deepctr's network is of the first.
        sizes: of the layers of both, see `SIZES`.
        passes: at most; each network stops when its validation loss has not fallen for two.

    Returns:
        deepctr's network first.
    """
    seed_everything(seed)
    runners = [_stock(sized(kinds[0], sizes), split, spec, seed)]
    for kind in kinds:
        config = sized(kind, sizes)
        runners.append(_ours(config, split, spec, seed))
        if len(split.train) >= LONG_LOG:
            runners.append(_ours(swifter(config), split, spec, seed))
    for number in range(passes):
        for runner in runners:
            runner.go_on()
        progress("speed", number + 1, passes, ", ".join(f"{each.name} {each.losses[-1]:.4f}" for each in runners))
    return [runner.pace() for runner in runners]


def sized(kind: str, sizes: str) -> NetworkConfig:
    """Make the configuration of a kind with the sizes of that name, as far as the kind looks at them."""
    known = NetworkConfig.of(kind).document()
    return NetworkConfig.of(kind, **{name: value for name, value in SIZES[sizes].items() if name in known})


class _Runner:
    """A network that learns pass by pass, and is scored after each."""

    def __init__(
        self,
        name: str,
        split: Split,
        learn: Callable[[], object],
        score: Callable[[Any], Any],
        judged: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.name, self.split, self.learn, self.score, self.judged = name, split, learn, score, judged
        self.losses: list[float] = []
        self.best = np.zeros(0, dtype=np.float32)
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def go_on(self) -> None:
        """Learn from all train rows once more, unless that has helped no longer."""
        if len(self.losses) - int(np.argmin(self.losses or [0.0])) > PATIENCE:
            return
        wall, cpu = time.perf_counter(), time.process_time()
        self.learn()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        with self.judged():
            self.losses.append(log_loss(self.split.validation.labels, self.score(self.split.validation)))
            if self.losses[-1] == min(self.losses):
                self.best = self.score(self.split.test)

    def pace(self) -> Pace:
        """Sum up."""
        rows, found = len(self.split.train), measure(self.split.test.labels, self.best, self.split.test.viewer.codes)
        wall, cpu = (median(each[1:] or each) for each in (self.wall, self.cpu))
        best = int(np.argmin(self.losses)) + 1
        return Pace(self.name, rows / wall, rows / cpu, len(self.wall), best, found.auc or 0.5, found.log_loss)


def _stock(config: NetworkConfig, split: Split, spec: FeatureSpec, seed: int) -> _Runner:
    network = stock(config, spec, seed)
    train = feeds_of(network, split.train.feeds)
    return _Runner(
        f"deepctr {config.kind}",
        split,
        lambda: network.fit(train, split.train.labels, batch_size=BATCH, verbose=0),
        lambda part: network.predict(feeds_of(network, part.feeds), batch_size=SCORING_BATCH, verbose=0).reshape(-1),
    )


def _ours(config: NetworkConfig, split: Split, spec: FeatureSpec, seed: int) -> _Runner:
    network = build(config, spec, seed)
    begin_at_base_rate(network, split.train)
    task = Task.of(network)
    steps = Steps(task.learner, task.loss, batch_size=BATCH, learning_rate=task.learning_rate, swift=task.swift)
    source = Held(split.train.feeds, task.targets(split.train.labels, split.train.tasks))
    feed = steps.feed(source, np.random.default_rng(seed))
    average = Average(task.learner)  # as `recsys.training.fit` judges it
    name = f"{config.kind}, swift" if task.swift else config.kind
    return _Runner(name, split, lambda: steps.go_through(feed), lambda part: score(network, part), average.in_place)
