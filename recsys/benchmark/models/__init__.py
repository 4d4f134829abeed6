"""Every model of the benchmark, by its name."""

from __future__ import annotations

from typing import Final

from recsys.benchmark.models.ease import Ease
from recsys.benchmark.models.factors import Factors
from recsys.benchmark.models.linear import Logistic
from recsys.benchmark.models.model import Model
from recsys.benchmark.models.neighbours import Neighbours
from recsys.benchmark.models.networks import BENCHED, Related, Tuned, network
from recsys.benchmark.models.rates import ItemRate, Popularity
from recsys.benchmark.models.trees import Trees

MODELS: Final[dict[str, type[Model]]] = {
    **{kind: network(kind) for kind in BENCHED},
    "dotdin-items": Related,
    "tuned": Tuned,
    "popularity": Popularity,
    "item-rate": ItemRate,
    "logistic": Logistic,
    "item-knn": Neighbours,
    "als": Factors,
    "ease": Ease,
    "lightgbm": Trees,
}
