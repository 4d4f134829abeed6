"""What happens inside a venue: its log, its passes, its counts. Nothing of this knows of a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.features import FeatureSpec
from recsys.training import networks
from recsys.training.dataset import Examples, Split
from recsys.training.federated.curves import Curve
from recsys.training.federated.errors import VenueRefused
from recsys.training.federated.settings import Instructions
from recsys.training.unlearning.learner import Learner

Arrays = list[NDArray[np.float32]]
SEED_STEP = 7_919


@dataclass(slots=True)
class LocalLearner:
    """A venue's part in the training.

    Attributes:
        split: of the venue's own log; see `anonymous` for what should be taken out of it first.
    """

    split: Split
    spec: FeatureSpec
    _learner: Learner | None = None
    _told: Instructions | None = None

    def learn(self, weights: Arrays, told: Instructions) -> tuple[Arrays, int]:
        """Go through the venue's train part from the given weights.

        Returns:
            How the weights changed, and how many rows the venue has.

        Raises:
            VenueRefused: the server wants another network than this venue can build.
        """
        learner = self._prepared(weights, told)
        learner.learn(self.split.train, epochs=told.epochs, seed=told.seed + SEED_STEP * told.number)
        changes = [new - old for new, old in zip(learner.weights, weights, strict=True)]
        return changes, len(self.split.train)

    def measure(self, weights: Arrays, told: Instructions, part: str) -> Curve:
        """Count how the given weights score the validation or the test part.

        Raises:
            VenueRefused: there is no such part, or the network is another one.
        """
        if part not in ("validation", "test"):
            raise VenueRefused(f"the server asks for the part {part!r}, there are validation and test")
        examples: Examples = getattr(self.split, part)
        return Curve.of(examples.labels, self._prepared(weights, told).score(examples))

    def _prepared(self, weights: Arrays, told: Instructions) -> Learner:
        if told.spec != self.spec.digest:
            raise VenueRefused("the server's features are encoded otherwise than this venue's: their versions differ")
        same = self._told is not None and (told.network, told.seed, told.batch_size) == (
            self._told.network, self._told.seed, self._told.batch_size,
        )  # fmt: skip
        if self._learner is None or not same:
            network = networks.build(told.network, self.spec, told.seed)
            rate = told.network.learning_rate
            self._learner = Learner(network, self.spec, batch_size=told.batch_size, seed=told.seed, learning_rate=rate)
            self._told = told
        if [weight.shape for weight in weights] != [weight.shape for weight in self._learner.weights]:
            raise VenueRefused("the server's weights have other shapes than the network it names")
        self._learner.weights = weights
        return self._learner


def anonymous(split: Split) -> Split:
    """Take the people out of a log: every row becomes one of somebody unknown, whose history stays.

    What is learnt of a pseudonym would be a row of a table that leaves the venue.
    """
    return Split(*(_without_viewers(part) for part in split))


def _without_viewers(examples: Examples) -> Examples:
    nobody = examples.take(np.arange(len(examples)))
    nobody.feeds["viewer"] = np.zeros_like(nobody.feeds["viewer"])
    return nobody
