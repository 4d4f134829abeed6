"""A small log, and a network with few weights."""

from __future__ import annotations

from typing import Any

import pytest

from recsys.features import FeatureSpec, specify
from recsys.training.dataset import Examples, read_dataset


@pytest.fixture(scope="session")
def small_spec() -> FeatureSpec:
    return specify(viewers=101, creatives=101, categories=31, advertisers=31, screens=31, venues=31, history=5)


@pytest.fixture(scope="session")
def people(planted: Any, small_spec: FeatureSpec) -> Examples:
    """3,000 rows of sixty people and of passers-by."""
    return read_dataset(planted.path, spec=small_spec, max_rows=3_000)
