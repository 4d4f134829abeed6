"""Fitting a network until it stops getting better on later examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import Feeds
from recsys.training import distributed, items
from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Examples, Split
from recsys.training.feeding import Held, Source
from recsys.training.networks import build
from recsys.training.progress import Progress, silent
from recsys.training.rare import Rare
from recsys.training.steps import Steps, forward
from recsys.training.streaming import Streamed
from recsys.training.task import Task

SCORING_BATCH = 8_192
SMALLEST_BATCH = 32
STEPS_PER_PASS = 64
LEAST_STEPS = 1_000
USUAL_PASSES = 10
MOST_PASSES = 40
Watch = Callable[[int, float], None]
REMEMBERED = 0.6
"""What an average of weights keeps of the passes before the newest."""
LONG_LOG = 100_000
"""Rows of the train part from which a log is learnt at both paces; on fewer, `swift` lost wherever it was tried."""
SWIFT_OMISSION = 0.1
"""A long log shows by itself which visits of it will not come again."""
PATIENCE_ROWS, LEAST_PATIENCE, MOST_PATIENCE = 100_000, 2, 8


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a log is gone through.

    Attributes:
        batch_size: rows of one step.
        epochs: passes at most.
        patience: passes in a row without a better validation loss after which to stop.
    """

    batch_size: int
    epochs: int
    patience: int


def schedule(
    rows: int,
    batch_size: int,
    epochs: int | None = None,
    *,
    usual: int = USUAL_PASSES,
    least_steps: int = LEAST_STEPS,
) -> Schedule:
    """Choose steps and passes so that a log of few rows is learnt from in as many steps as it needs.

    A screen's first days are some thousand rows: at 1,024 rows a step a pass would be two steps, and six passes would
    leave a network where it began. Interactions of ids begin on a plateau, so a small log also needs more patience.

    Args:
        batch_size: rows of a step at most.
        epochs: passes at most; None for as many as a log of this size needs.
        usual: passes at most over a large log, when ``epochs`` is None.
        least_steps: steps that a small log is to be gone through in, at most forty passes.
    """
    size = min(batch_size, max(SMALLEST_BATCH, rows // STEPS_PER_PASS))
    steps = math.ceil(rows / size)
    return Schedule(
        batch_size=size,
        epochs=max(usual, min(MOST_PASSES, least_steps // steps)) if epochs is None else epochs,
        patience=max(LEAST_PATIENCE, min(MOST_PATIENCE, PATIENCE_ROWS // rows)),
    )


def unwatched(number: int, loss: float) -> None:
    """Let a training go on."""


def fit(
    model: Any,
    split: Split,
    *,
    stage: str,
    epochs: int | None,
    batch_size: int,
    progress: Progress = silent,
    watch: Watch = unwatched,
) -> list[float]:
    """Fit on the train part and keep the weights that were best on the validation part, each averaged over passes.

    From a log of `LONG_LOG` rows a network whose pace is `tried` learns twice from the same beginning: steadily, and
    swiftly with little left out of what is known of the moment. Its configuration then says which of the two it was.

    A process that has joined others (`recsys.training.distributed`) goes through its share of the train part; the steps
    are those of one machine, and all end with the same weights. Only networks of `recsys.training.networks` can do so.

    Args:
        model: a network, or one with several tasks, which brings a loss and targets of its own.
        epochs: at most this many passes; None lets `schedule` choose.
        batch_size: at most this many rows a step, those of all machines together.
        watch: is told the number of each pass and its validation log loss, and may raise to end the training.

    Returns:
        Validation log loss of engagement after each epoch, in nats.

    Raises:
        TrainingRefused: a log that is streamed can no longer be read.
    """
    if items.has_weights(model):  # which no step of learning moves
        plain = items.without(model)
        losses = fit(plain, split, stage=stage, epochs=epochs, batch_size=batch_size, progress=progress, watch=watch)
        progress(stage, len(losses), len(losses), items.relate(model, plain, split))
        model.config = replace(plain.config, item_item=model.config.item_item)
        return losses
    begin_at_base_rate(model, split.train)
    rare = _rare(model, split.train)
    split = rare.split(split)
    plan = schedule(split.train.total, batch_size, epochs)
    losses = _at_both_paces(model, split, plan, _telling(stage, plan.epochs, progress, watch))
    rare.share(model)
    return losses


def _at_both_paces(model: Any, split: Split, plan: Schedule, tell: Watch) -> list[float]:
    """Learn at the pace of the configuration, or at both and keep the better weights; return the losses of the kept."""
    config = getattr(model, "config", None)
    if config is None or config.pace != "tried" or split.train.total < LONG_LOG:
        return _learn(model, split, plan, tell)
    start = model.get_weights()
    steady = _learn(model, split, plan, tell)
    faster = swifter(config)
    twin = build(faster, model.layout.spec, seed=0)
    twin.set_weights(start)
    swift = _learn(twin, split, plan, lambda number, loss: tell(len(steady) + number, loss))
    if min(swift) >= min(steady):
        model.config = replace(config, pace="steady")
        return steady
    model.set_weights(twin.get_weights())
    model.config = faster
    return swift


def swifter(config: NetworkConfig) -> NetworkConfig:
    """Return a network's configuration for learning swiftly."""
    return replace(config, pace="swift", omission=min(config.omission, SWIFT_OMISSION))


def _learn(model: Any, split: Split, plan: Schedule, tell: Watch) -> list[float]:
    """Learn on this machine, or on all that have joined."""
    share = distributed.share()
    if share.of == 1:
        return _fit(model, split, plan, share, tell)
    with distributed.strategy().scope():
        twin = build(model.config, model.layout.spec, seed=0)
        twin.set_weights(distributed.of_the_first(model.get_weights()))
        losses = _fit(twin, split, plan, share, tell)
    model.set_weights(twin.get_weights())
    return losses


def _rare(model: Any, train: Examples) -> Rare:
    config = getattr(model, "config", None)
    return Rare({}, {}) if config is None else Rare.among(model.layout.spec, train, config.least_seen)


def _telling(stage: str, of: int, progress: Progress, watch: Watch) -> Watch:
    def tell(number: int, loss: float) -> None:
        progress(stage, number, of, f"validation log loss {loss:.4f}")
        watch(number, loss)

    return tell


def _fit(model: Any, split: Split, plan: Schedule, share: distributed.Share, tell: Watch) -> list[float]:
    task = Task.of(model)
    rows = max(plan.batch_size // share.of, 1)
    steps = Steps(task.learner, task.loss, batch_size=rows, learning_rate=task.learning_rate, swift=task.swift)
    random = np.random.default_rng(np.random.randint(2**31))  # from the seed of the run, see `seed_everything`
    feed = steps.feed(_source(split.train, task, share), random)
    best, average, losses = Best(task.learner), Average(task.learner), []
    for epoch in range(plan.epochs):
        steps.go_through(feed)
        with average.in_place():
            loss = distributed.agreed(log_loss(split.validation.labels, score(model, split.validation)))
            outdone = best.outdone_for(loss)
        losses.append(loss)
        tell(epoch + 1, loss)
        if outdone >= plan.patience:
            break
    best.restore()
    return losses


def _source(train: Examples, task: Task, share: distributed.Share) -> Source:
    """Go through what is held, or through all of a log too long to be held."""
    if train.stream is not None:
        return Streamed(train.stream, task.targets, (share.number, share.of))
    return Held(train.feeds, task.targets(train.labels, train.tasks), (share.number, share.of))


class Average:
    """The weights averaged over passes, of which the newer ones count more.

    A pass ends somewhere around the weights that are best; the average lies closer to them than any one pass, and ranks
    later rows better by about as much as the average of several networks would, at the cost of one: Polyak and
    Juditsky, SIAM J. Control and Optimization 30(4), 1992; Izmailov et al., UAI 2018. The exponential average is
    corrected for its beginning, as Adam's moments are, so that after one pass it is that pass.
    """

    def __init__(self, network: Any) -> None:
        self.network = network
        self.weights = [np.zeros_like(each) for each in network.get_weights()]
        self.mass = 0.0

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Take the pass that has ended into the average, and let the network have it for a while."""
        latest = self.network.get_weights()
        self.mass = REMEMBERED * self.mass + 1 - REMEMBERED
        share = np.float32((1 - REMEMBERED) / self.mass)
        for mean, newest in zip(self.weights, latest, strict=True):
            mean[...] += share * (newest - mean)
        self.network.set_weights(self.weights)
        yield
        self.network.set_weights(latest)


class Best:
    """The weights that were best so far, and how long ago that was."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.loss, self.weights, self.since = math.inf, network.get_weights(), 0

    def outdone_for(self, loss: float) -> int:
        """Compare the weights of now with the best; return for how many passes in a row they were no better."""
        if loss < self.loss:
            self.loss, self.weights, self.since = loss, self.network.get_weights(), 0
        else:
            self.since += 1
        return self.since

    def restore(self) -> None:
        """Give the network its best weights back."""
        self.network.set_weights(self.weights)


def log_loss(labels: NDArray[np.float32], scores: NDArray[np.float32]) -> float:
    """Compute the mean log loss in nats; both of shape (rows,)."""
    safe = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-np.where(labels > 0.5, np.log(safe), np.log1p(-safe)).mean())


def begin_at_base_rate(model: Any, train: Examples) -> None:
    """Set the bias of the output to the log-odds of the train part, so that no step is spent on finding them."""
    positives = float(train.labels.mean()) if train.stream is None else train.stream.rate
    rate = float(np.clip(positives, 1e-6, 1 - 1e-6))
    for weight in model.trainable_weights:
        if weight.name.endswith("global_bias:0"):
            weight.assign(np.full(weight.shape, np.log(rate / (1 - rate)), dtype=np.float32))


def score(model: Any, examples: Examples) -> NDArray[np.float32]:
    """Score examples with a trained network: uncalibrated probabilities, float32, shape (rows,)."""
    return predict(model, examples.feeds)


def predict(model: Any, feeds: Feeds) -> NDArray[np.float32]:
    """Run a network on encoded rows: float32, shape (rows,)."""
    return forward(model, feeds, SCORING_BATCH).reshape(-1)
