"""The same network on the same rows in one place: what a federated training is compared with."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from recsys.features import FeatureSpec
from recsys.training import networks
from recsys.training.dataset import Examples, Split
from recsys.training.federated.curves import Curve
from recsys.training.federated.settings import Federation
from recsys.training.progress import Progress, silent
from recsys.training.tensorflow import seed_everything
from recsys.training.unlearning.learner import Learner, start_at_rate


@dataclass(frozen=True, slots=True)
class CentralReport:
    """A training in one place.

    Attributes:
        validation_log_loss: after each pass, nats; before the first one to begin with.
        best_pass: whose weights were measured.
        test_log_loss, test_auc, test_rows: as those of a federated training.
    """

    validation_log_loss: tuple[float, ...]
    best_pass: int
    test_log_loss: float | None
    test_auc: float | None
    test_rows: int
    seconds: float


def train_centrally(
    splits: list[Split], federation: Federation, spec: FeatureSpec, *, progress: Progress = silent
) -> CentralReport:
    """Train on the rows of all venues with as many passes as the rounds have, keeping the best one on validation.

    Args:
        splits: of each venue's log, so that both trainings are measured on the very same rows.
    """
    started = time.perf_counter()
    train, validation, test = (_joined([split[part] for split in splits]) for part in range(3))
    seed_everything(federation.seed)
    network = networks.build(federation.network, spec, federation.seed)
    start_at_rate(network, train.labels)
    learner = Learner(
        network,
        spec,
        batch_size=federation.batch_size,
        seed=federation.seed,
        learning_rate=federation.network.learning_rate,
    )
    losses, best = [_loss(learner, validation)], learner.weights
    passes = federation.rounds * federation.epochs
    for number in range(1, passes + 1):
        learner.learn(train, epochs=1, seed=federation.seed + number, afresh=number == 1)
        losses.append(_loss(learner, validation))
        progress("central", number, passes, f"validation log loss {losses[-1]:.4f}")
        if losses[-1] == min(losses):
            best = learner.weights
    learner.weights = best
    curve = Curve.of(test.labels, learner.score(test))
    return CentralReport(
        validation_log_loss=tuple(losses),
        best_pass=int(np.argmin(losses)),
        test_log_loss=curve.log_loss,
        test_auc=curve.auc,
        test_rows=curve.rows,
        seconds=time.perf_counter() - started,
    )


def _loss(learner: Learner, examples: Examples) -> float:
    return Curve.of(examples.labels, learner.score(examples)).log_loss or float("nan")


def _joined(parts: list[Examples]) -> Examples:
    """Join the rows of venues; only what a network looks at is kept apart from the labels."""
    first = parts[0]
    rows = np.concatenate([part.labels for part in parts])
    feeds = {name: np.concatenate([part.feeds[name] for part in parts]) for name in first.feeds}
    stretched = first.take(np.zeros(len(rows), dtype=np.intp))
    stretched.feeds.update(feeds)
    stretched.labels[:] = rows
    return stretched
