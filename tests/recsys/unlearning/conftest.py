"""A small log of people with tastes, and a small network to learn it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recsys.features import FeatureSpec, specify
from recsys.training.dataset import Examples, read_dataset
from recsys.training.unlearning.sharding import Sharding

KEY = b"the key of this installation"


@pytest.fixture(scope="session")
def small_spec() -> FeatureSpec:
    return specify(viewers=101, creatives=101, categories=31, advertisers=31, screens=31, venues=31, history=5)


@pytest.fixture(scope="session")
def people(planted: Any, small_spec: FeatureSpec) -> Examples:
    """1,500 rows of sixty people and of passers-by."""
    return read_dataset(planted.path, spec=small_spec, max_rows=1_500)


@pytest.fixture(scope="session")
def two_by_two() -> Sharding:
    return Sharding(2, 2, KEY)


@pytest.fixture(scope="session")
def without() -> Any:
    """Take a person's rows out of a log."""

    def call(examples: Examples, viewer: str) -> Examples:
        code = examples.viewer.vocabulary.index(viewer)
        return examples.take(np.flatnonzero(examples.viewer.codes != code))

    return call
