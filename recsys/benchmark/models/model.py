"""What every model of the benchmark does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.benchmark.prepared import Prepared, Rows
from recsys.training.metrics import auc

Say: TypeAlias = Callable[[str], None]
"""Called with a sentence on how far a model is."""

Scores: TypeAlias = NDArray[np.float64]


class Model(ABC):
    """Learns from the train part, is chosen on the validation part, and scores any rows.

    Attributes:
        ours: whether it is the product's own mathematics, and not a peer.
        seeded: whether another seed gives another model.
    """

    ours: ClassVar[bool] = False
    seeded: ClassVar[bool] = False

    def unfit(self, data: Prepared) -> str | None:
        """Say why the model has nothing to say about such data; None if it has."""
        del data
        return None

    @abstractmethod
    def fit(self, data: Prepared, *, seed: int, say: Say) -> int:
        """Learn, and return how often the train part was gone through."""

    @abstractmethod
    def score(self, data: Prepared, rows: Rows) -> Scores:
        """Score rows, float64, shape (rows,): the higher, the likelier a label of 1; on any scale."""


class ProfileModel(Model):
    """A model that knows users by what they liked and nothing else."""

    def unfit(self, data: Prepared) -> str | None:
        """Refuse logs in which no user liked an item while there was something to learn."""
        liked = (data.train.labels == 1) & (data.train.user >= 0) & (data.train.item >= 0)
        if not liked.any():
            return "no user of the train part liked an item"
        return None


def validation_quality(model: Model, data: Prepared) -> float:
    """Measure the AUC on the validation part, by which hyper-parameters of peers are chosen."""
    return auc(data.validation.labels, model.score(data, data.validation)) or 0.0
