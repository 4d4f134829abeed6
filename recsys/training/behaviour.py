"""A recurrent network that reads what a viewer engaged with, and expects what comes next."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import FeatureSpec
from recsys.serving.metadata import ModelMetadata
from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Split
from recsys.training.export import export
from recsys.training.feeding import Held
from recsys.training.fit import Best, schedule
from recsys.training.futures import Futures, futures
from recsys.training.networks.layout import Layout
from recsys.training.networks.recurrent import read
from recsys.training.networks.sides import embed, join, two_widths
from recsys.training.progress import Progress, silent
from recsys.training.report import BehaviourReport
from recsys.training.steps import Steps, forward
from recsys.training.tensorflow import keras, seed_everything, tf

EPOCHS, STEPS, BATCH_SIZE = 5, 400, 512
CONFIG = NetworkConfig.of("gru", spread=0.1, learning_rate=5e-3)
"""As the ranking network that adopts its state has it, but for what a log of few sequences needs."""
DEPTH = 3
SHARE = 0.5
"""Weight of dwell and of the return each, where the next category weighs 1."""


def build(spec: FeatureSpec, seed: int) -> tuple[Any, Any]:
    """Build the untrained network.

    Beside the state after the newest behaviour stand the averages of the histories, the viewer's lasting taste, which
    the state alone is slow to learn.

    Returns:
        The model to serve, with the outputs `following`, probabilities of each category id, (rows, categories);
        `dwell`, the logarithm of one more than the seconds, and `return_visit`, a probability, (rows, 1) each; and
        `summary`, the state itself, (rows, units). And the model to learn, whose output has a column of log-odds for
        each category, then dwell and return, see `loss`.
    """
    layout = Layout(FeatureSpec(tuple(feature for feature in spec.features if feature.length > 1)))
    sides = embed(layout, CONFIG, seed, two_widths(CONFIG))
    state = read(sides, CONFIG.units, seed)
    known = join([state, *(sides.mean(name) for name in sides.histories)])[:, 0]
    known = keras.layers.Dropout(CONFIG.dropout)(known)
    following = keras.layers.Dense(spec.sizes["category"], name="next")(known)
    seconds = keras.layers.Dense(1, "softplus", name="dwell")(known)
    comes_back = keras.layers.Dense(1, name="comes_back")(known)
    served = [
        keras.layers.Softmax(name="following")(following),
        seconds,
        keras.layers.Activation("sigmoid", name="return_visit")(comes_back),
        keras.layers.Reshape((CONFIG.units,), name="summary")(state),
    ]
    learnt = tf.concat([following, seconds, comes_back], axis=1)
    return keras.Model(sides.inputs, served), keras.Model(sides.inputs, learnt)


def loss(targets: Any, found: Any) -> Any:
    """Add up what is known: next category (nats), logarithm of one more than the seconds (squared), return (nats).

    Args:
        targets: (rows, 3), see `recsys.training.futures.Futures.targets`.
        found: (rows, categories + 2).

    Returns:
        (rows,); each part is averaged over the rows where it is known.
    """
    known = tf.cast(tf.math.is_finite(targets), tf.float32)
    safe = tf.where(known > 0, targets, tf.zeros_like(targets))
    parts = [
        tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(safe[:, 0], tf.int32), found[:, :-2]),
        SHARE * tf.square(safe[:, 1] - found[:, -2]),
        SHARE * tf.nn.sigmoid_cross_entropy_with_logits(safe[:, 2], found[:, -1]),
    ]
    shares = known / tf.maximum(tf.reduce_mean(known, axis=0), 1e-6)
    return tf.reduce_sum(tf.stack(parts, axis=1) * shares, axis=1)


def train_behaviour(
    split: Split,
    spec: FeatureSpec,
    *,
    seed: int,
    metadata: ModelMetadata,
    output: Path,
    progress: Progress = silent,
) -> tuple[BehaviourReport, Any] | None:
    """Train on what came next in earlier histories, measure on later ones, and export; None without histories.

    Returns:
        The report, and the network, whose state `recsys.training.networks.recurrent.adopt` gives to a ranking network.

    Raises:
        ParityError: the network does not export faithfully.
    """
    started = time.perf_counter()
    train, validation, test = (futures(part) for part in split)
    if not (len(train.known) and len(validation.known) and len(test.known)):
        return None
    seed_everything(seed)
    served, learner = build(spec, seed)
    _fit(learner, train, validation, progress)
    metadata = replace(metadata, kind="behaviour")
    measured = _measure(served, train, test)
    artefact = export(served, feeds=test.feeds, metadata=metadata, output=output)
    return BehaviourReport(**measured, artefact=artefact, seconds=time.perf_counter() - started), served


def _fit(learner: Any, train: Futures, validation: Futures, progress: Progress) -> None:
    plan = schedule(len(train), BATCH_SIZE, usual=EPOCHS, least_steps=STEPS)
    steps = Steps(learner, loss, batch_size=plan.batch_size, learning_rate=CONFIG.learning_rate)
    feed = steps.feed(Held(train.feeds, train.targets), np.random.default_rng(np.random.randint(2**31)))
    best = Best(learner)
    for epoch in range(plan.epochs):
        steps.go_through(feed)
        found = float(tf.reduce_mean(loss(validation.targets, forward(learner, validation.feeds, BATCH_SIZE))))
        progress("behaviour", epoch + 1, plan.epochs, f"validation loss {found:.4f}")
        if best.outdone_for(found) >= plan.patience:
            break
    best.restore()


def _measure(served: Any, train: Futures, test: Futures) -> dict[str, Any]:
    """Measure on the test part, and beside it what is known without looking at anybody."""
    outputs = served.predict(test.feeds, batch_size=4096, verbose=0)
    scores, wanted = outputs[0][test.known], test.targets[test.known, 0].astype(np.int64)
    counts = np.bincount(train.targets[train.known, 0].astype(np.int64), minlength=scores.shape[1])
    popular = np.tile(counts / counts.sum(), (len(wanted), 1))
    return {
        "examples": len(wanted),
        "categories": int((counts > 0).sum()),
        "accuracy": _hit_rate(scores, wanted, 1),
        "hit_rate": _hit_rate(scores, wanted, DEPTH),
        "popular_accuracy": _hit_rate(popular, wanted, 1),
        "popular_hit_rate": _hit_rate(popular, wanted, DEPTH),
        "log_loss": _log_loss(scores, wanted),
        "popular_log_loss": _log_loss(popular, wanted),
        **_dwell(outputs[1][:, 0], train, test),
        **_return(outputs[2][:, 0], train, test),
    }


def _dwell(found: NDArray[np.float32], train: Futures, test: Futures) -> dict[str, float | None]:
    """Measure how far the logarithm of the dwell is off, against the mean of the train part's."""
    earlier, later = train.targets[:, 1], test.targets[:, 1]
    earlier, known = earlier[np.isfinite(earlier)], np.isfinite(later)
    if not (len(earlier) and known.any()):
        return {"dwell_error": None, "typical_dwell_error": None}
    return {
        "dwell_error": float(np.sqrt(np.square(found[known] - later[known]).mean())),
        "typical_dwell_error": float(np.sqrt(np.square(earlier.mean() - later[known]).mean())),
    }


def _return(chances: NDArray[np.float32], train: Futures, test: Futures) -> dict[str, float | None]:
    """Measure the log loss of return visits, against the rate of the train part."""
    earlier, later = train.targets[:, 2], test.targets[:, 2]
    earlier, known = earlier[np.isfinite(earlier)], np.isfinite(later)
    if not (len(earlier) and known.any()):
        return {"return_log_loss": None, "typical_return_log_loss": None}

    def nats(guess: Any) -> float:
        safe = np.clip(guess, 1e-7, 1 - 1e-7)
        return float(-np.where(later[known] == 1, np.log(safe), np.log(1 - safe)).mean())

    return {"return_log_loss": nats(chances[known]), "typical_return_log_loss": nats(earlier.mean())}


def _hit_rate(scores: NDArray[Any], following: NDArray[np.int64], depth: int) -> float:
    best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    return float((best == following[:, None]).any(axis=1).mean())


def _log_loss(scores: NDArray[Any], following: NDArray[np.int64]) -> float:
    likelihoods = scores[np.arange(len(following)), following]
    return float(-np.log(np.maximum(likelihoods, 1e-7)).mean())
