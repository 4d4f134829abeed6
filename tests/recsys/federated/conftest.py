"""Three venues with a log each, in threads of this process, and a server on the loopback interface."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from recsys.features import FeatureSpec, specify
from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Split, read_dataset, split_by_time
from recsys.training.federated.curves import Curve
from recsys.training.federated.errors import VenueRefused
from recsys.training.progress import silent
from recsys.training.unlearning.sharding import Sharding

VENUES = 3


@pytest.fixture(scope="session")
def small_spec() -> FeatureSpec:
    return specify(viewers=101, creatives=101, categories=31, advertisers=31, screens=31, venues=31, history=5)


@pytest.fixture(scope="session")
def network() -> NetworkConfig:
    return NetworkConfig.of("logistic", forgetting=0.0, omission=0.0, learning_rate=2e-2)


@pytest.fixture(scope="session")
def venue_splits(planted: Any, small_spec: FeatureSpec) -> list[Split]:
    """3,000 rows, dealt to three venues by person."""
    examples = read_dataset(planted.path, spec=small_spec, max_rows=3_000)
    venues, _ = Sharding(VENUES).places(examples)
    return [split_by_time(examples.take(np.flatnonzero(venues == venue))) for venue in range(VENUES)]


@pytest.fixture
def address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture(scope="session")
def beside() -> Callable[..., Any]:
    """Run calls in threads for the time of a block; answers what each of them raised, in order."""

    @contextmanager
    def running(*calls: Callable[[], None]) -> Iterator[list[Exception | None]]:
        raised: list[Exception | None] = [None] * len(calls)

        def call(place: int) -> None:
            try:
                calls[place]()
            except Exception as error:
                raised[place] = error

        threads = [threading.Thread(target=call, args=(place,), daemon=True) for place in range(len(calls))]
        for thread in threads:
            thread.start()
        try:
            yield raised
        finally:
            for thread in threads:
                thread.join(60)
            assert not any(thread.is_alive() for thread in threads)

    return running


class SteadyLearner:
    """A venue whose changes and counts are known beforehand; it may go in the middle of a round."""

    def __init__(self, change: float, rows: int, *, goes_in: int | None = None) -> None:
        self.change = change
        self.rows = rows
        self.goes_in = goes_in

    def learn(self, weights: list[Any], told: Any) -> tuple[list[Any], int]:
        """Change every weight alike."""
        if told.number == self.goes_in:
            raise VenueRefused("this venue closes")
        return [np.full(weight.shape, self.change, np.float32) for weight in weights], self.rows

    def measure(self, weights: list[Any], told: Any, part: str) -> Curve:
        """Count ten rows, each round better than the one before."""
        del weights, part
        labels = np.float32([0, 1] * 5)
        return Curve.of(labels, np.abs(labels - np.float32(0.5 / (2 + told.number))))


class ThreeWeights:
    """All that the rounds need of a network."""

    trainable_weights: tuple[Any, ...] = ()

    def get_weights(self) -> list[Any]:
        """Three arrays of different shapes."""
        return [np.zeros((40, 25), np.float32), np.full(7, 0.5, np.float32), np.zeros((1,), np.float32)]


@pytest.fixture
def steady() -> type[SteadyLearner]:
    return SteadyLearner


@pytest.fixture
def rounds_of(address: str, network: NetworkConfig, small_spec: FeatureSpec, beside: Any) -> Callable[..., Any]:
    """Run a training with given learners; answers its finished rounds and what the venues raised."""
    from recsys.training.federated.hub import hub, wait_for
    from recsys.training.federated.server import Rounds
    from recsys.training.federated.settings import Federation, Link
    from recsys.training.federated.venue import take_part

    def call(*learners: Any, rounds: int = 1, secure: bool = True, patience: float = 30.0) -> Any:
        federation = Federation(network, len(learners), rounds=rounds, secure=secure, patience=patience)
        link = Link(address)
        calls = [lambda learner=learner: take_part(link, learner, secure=secure, patience=20.0) for learner in learners]
        with beside(*calls) as raised, hub(link) as grid:
            wait_for(grid, len(learners), patience)
            found = Rounds(federation, grid, small_spec, ThreeWeights(), silent)
            found.run()
        return found, raised

    return call
