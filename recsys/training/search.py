"""Search for the numbers of a network that are best on the validation part."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from recsys.training.configuration import USES, Kind, NetworkConfig
from recsys.training.errors import BadRequest
from recsys.training.progress import Progress, silent

Watch = Callable[[int, float], None]
"""`recsys.training.fit.Watch` that raises `Hopeless` when going on is not worth it."""

Evaluate = Callable[[NetworkConfig, Watch], float]
"""Trains a network and returns its best validation log loss, in nats."""

Suggest = Callable[[Trial, str], Any]

FIRST_TRIALS, FIRST_PASSES = 5, 2
"""Trials that are never given up, and passes before which none is."""

_LAYERS: Final = {"32": (32,), "64-32": (64, 32), "128-64": (128, 64), "200-80": (200, 80)}
_ATTENTION: Final = {"16": (16,), "32-16": (32, 16), "80-40": (80, 40)}
SPACE: Final[Mapping[str, Suggest]] = {
    "width": lambda trial, name: trial.suggest_categorical(name, [4, 8, 16, 32]),
    "narrow": lambda trial, name: trial.suggest_categorical(name, [4, 8, 16]),
    "hidden": lambda trial, name: _LAYERS[trial.suggest_categorical(name, list(_LAYERS))],
    "attention": lambda trial, name: _ATTENTION[trial.suggest_categorical(name, list(_ATTENTION))],
    "crosses": lambda trial, name: trial.suggest_int(name, 1, 3),
    "blocks": lambda trial, name: trial.suggest_int(name, 1, 2),
    "heads": lambda trial, name: trial.suggest_categorical(name, [1, 2, 4]),
    "units": lambda trial, name: trial.suggest_categorical(name, [16, 32, 64]),
    "experts": lambda trial, name: trial.suggest_int(name, 1, 4),
    "tower": lambda trial, name: trial.suggest_categorical(name, [8, 16, 32]),
    "dropout": lambda trial, name: trial.suggest_float(name, 0.0, 0.6),
    "forgetting": lambda trial, name: trial.suggest_float(name, 0.0, 0.9),
    "omission": lambda trial, name: trial.suggest_float(name, 0.0, 0.9),
    "penalty": lambda trial, name: trial.suggest_float(name, 1e-6, 3e-2, log=True),
    "spread": lambda trial, name: trial.suggest_float(name, 1e-3, 1e-1, log=True),
    "learning_rate": lambda trial, name: trial.suggest_float(name, 3e-4, 1e-2, log=True),
    "least_seen": lambda trial, name: trial.suggest_categorical(name, [1, 2, 5]),
}
"""Where each number of a configuration is looked for."""


class Hopeless(Exception):
    """A trial has fallen behind the others and is given up."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial.

    Attributes:
        loss: best validation log loss, in nats; None where the trial was given up.
    """

    config: NetworkConfig
    loss: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to; the usual network of every kind is among the trials, so it is never worse than those."""

    config: NetworkConfig
    loss: float
    usual: Mapping[Kind, float]
    tried: tuple[Tried, ...]

    def document(self) -> dict[str, Any]:
        """Return all of it as JSON."""
        return {
            "network": self.config.document(),
            "digest": self.config.digest,
            "validation_log_loss": self.loss,
            "usual": dict(self.usual),
            "trials": [
                {"network": one.config.document(), "validation_log_loss": one.loss, "seconds": round(one.seconds, 1)}
                for one in self.tried
            ],
        }


def search(
    kinds: Sequence[Kind],
    evaluate: Evaluate,
    *,
    trials: int,
    minutes: float | None = None,
    seed: int = 2026,
    journal: Path | None = None,
    progress: Progress = silent,
) -> Found:
    """Try the usual network of each kind, then ever better guesses, and return the best.

    Tree-structured Parzen estimator: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NIPS 2011. A trial
    whose loss after as many passes is worse than the median of the others' is given up: Golovin et al., "Google
    Vizier", KDD 2017, section 3.2.

    Args:
        trials: trainings at most, the usual ones among them; at least as many as kinds.
        minutes: no trial begins later than this.
        journal: file that remembers trials, so that a search which was stopped goes on where it was.

    Raises:
        BadRequest: nothing to search among, or too few trials.
    """
    if not kinds or len(set(kinds)) < len(kinds) or trials < len(kinds):
        raise BadRequest(f"a search needs kinds, each once, and a trial for each; got {list(kinds)} and {trials}")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="networks",
        storage=_storage(journal),
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST_TRIALS, n_warmup_steps=FIRST_PASSES),
        direction="minimize",
        load_if_exists=True,
    )
    if not study.trials:
        for kind in kinds:
            study.enqueue_trial(_usual(kind))
    deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes

    def tell(study: optuna.Study, trial: FrozenTrial) -> None:
        told = "given up" if trial.state == TrialState.PRUNED else f"validation log loss {trial.value:.4f}"
        progress("search", _finished(study), trials, f"{trial.params['kind']}: {told}; best {_best(study)}")

    while _finished(study) < trials and time.monotonic() < deadline:
        study.optimize(lambda trial: _loss(trial, kinds, evaluate), n_trials=1, callbacks=[tell])
    return _found(study, kinds)


def searched(kind: Kind) -> list[str]:
    """Return the numbers of a kind that a search changes; the others are not about how well a network learns."""
    return [name for name in USES[kind] if name in SPACE]


def _loss(trial: Trial, kinds: Sequence[Kind], evaluate: Evaluate) -> float:
    kind: Kind = trial.suggest_categorical("kind", list(kinds))  # type: ignore[assignment]
    config = NetworkConfig.of(kind, **{name: SPACE[name](trial, f"{kind}.{name}") for name in searched(kind)})
    trial.set_user_attr("network", config.document())

    def watch(number: int, loss: float) -> None:
        trial.report(loss, number)
        if trial.should_prune():
            raise Hopeless

    try:
        return evaluate(config, watch)
    except Hopeless as error:
        raise optuna.TrialPruned from error


def _usual(kind: Kind) -> dict[str, Any]:
    """Name the usual network of a kind in the words of the space, as far as it has them."""
    document = NetworkConfig.of(kind).document()
    words: dict[str, Any] = {"kind": kind}
    for name in searched(kind):
        value = document[name]
        if isinstance(value, list):
            value = "-".join(map(str, value))
        words[f"{kind}.{name}"] = value
    return words


def _storage(journal: Path | None) -> BaseStorage:
    return InMemoryStorage() if journal is None else JournalStorage(JournalFileBackend(str(journal)))


def _finished(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)))


def _best(study: optuna.Study) -> str:
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return f"{min(trial.values[0] for trial in complete):.4f}" if complete else "none yet"


def _found(study: optuna.Study, kinds: Sequence[Kind]) -> Found:
    ended = study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))
    tried = tuple(_tried(trial) for trial in ended)
    whole = [one for one in tried if one.loss is not None]
    if not whole:
        raise BadRequest("no trial was finished; give the search more time")
    best = min(whole, key=lambda one: one.loss if one.loss is not None else math.inf)
    assert best.loss is not None
    usual = {NetworkConfig.of(kind): kind for kind in kinds}
    return Found(
        best.config,
        best.loss,
        {usual[one.config]: one.loss for one in whole if one.config in usual and one.loss is not None},
        tried,
    )


def _tried(trial: FrozenTrial) -> Tried:
    config = NetworkConfig.parse(trial.user_attrs["network"])
    seconds = trial.duration.total_seconds() if trial.duration else 0.0
    return Tried(config, trial.value if trial.state == TrialState.COMPLETE else None, seconds)
