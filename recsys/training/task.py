"""What a network is to learn: engagement, and for some networks other things beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recsys.training.optimiser import LEARNING_RATE
from recsys.training.steps import log_loss

Labels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Task:
    """What to fit and against what.

    Attributes:
        learner: the Keras model whose output is compared with targets.
        loss: of targets and outputs, (rows, columns) each.
        targets: lays labels (rows,) and columns of further labels out as targets, float32, (rows, columns).
        learning_rate: of the optimiser.
        swift: whether tables of many ids are learnt by Adagrad, see `recsys.training.optimiser`.
    """

    learner: Any
    loss: Callable[[Any, Any], Any]
    targets: Callable[[Labels, dict[str, Labels]], Labels]
    learning_rate: float
    swift: bool

    @classmethod
    def of(cls, network: Any) -> Self:
        """Ask a network; one that does not say learns engagement alone, by its log loss."""
        config = getattr(network, "config", None)
        rate = config.learning_rate if config is not None else LEARNING_RATE
        swift = config is not None and config.pace == "swift"
        if hasattr(network, "learner"):
            return cls(network.learner, network.loss_to_learn, network.targets, rate, swift)
        return cls(network, log_loss, _engagement, rate, swift)


def _engagement(labels: Labels, others: dict[str, Labels]) -> Labels:
    del others
    return labels.reshape(-1, 1)
