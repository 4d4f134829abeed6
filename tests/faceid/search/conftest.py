"""Vectors of several shapes: isotropic, clustered like real embeddings, and nearly equal."""

import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.search.columns import EVERYWHERE, Columns

Vectors = NDArray[np.float32]


def unit(vectors: NDArray[np.floating]) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def drawn(kind: str, count: int, dimension: int, seed: int) -> Vectors:
    """Draw unit vectors of one kind."""
    random = np.random.default_rng(seed)
    normal = random.standard_normal((count, dimension))
    match kind:
        case "isotropic":
            return unit(normal)
        case "clustered":  # a common mean, a few strong directions, and people with several photographs
            mixing = random.standard_normal((dimension, dimension)) * (0.3 + 3.0 / (1 + np.arange(dimension)))
            people = random.standard_normal((max(1, count // 5), dimension)) @ mixing.T + 1.0
            return unit(people[random.integers(len(people), size=count)] + 0.8 * normal)
        case "near ties":  # everybody is nearly the same person
            return unit(random.standard_normal(dimension) + 1e-6 * normal)
        case "sparse":  # one number holds nearly everything: the worst case of evenly scaled tables
            return unit(0.01 * normal + np.eye(dimension)[random.integers(dimension, size=count)])
    raise AssertionError(kind)


KINDS = ("isotropic", "clustered", "near ties", "sparse")


def columns_of(vectors: Vectors, subjects: NDArray[np.intp] | None = None) -> Columns:
    """Make columns without end or venue: template ``t<row>`` of subject ``s<row>`` or ``s<subject>``."""
    count = len(vectors)
    numbers = np.arange(count) if subjects is None else subjects
    return Columns(
        np.array([f"t{row:06}" for row in range(count)], dtype=np.bytes_),
        np.array([f"s{number:06}" for number in numbers], dtype=np.bytes_),
        vectors,
        np.full(count, np.inf),
        np.full(count, EVERYWHERE, dtype=np.int32),
        (),
    )


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)
