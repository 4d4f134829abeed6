"""The graph that every ranking network has: what a viewer costs, what a candidate costs, and what both cost together.

A network takes the features of its specification in two sides and gives one probability for every pair:

- of viewers everything that is no feature of a creative, int32 (viewers, length of the feature);
- of candidates the features of creatives, int32 (groups, candidates), where groups is 1, one catalogue for all
  viewers, as in a decision, or equal to viewers, a candidate each, as in the rows of a log;
- probabilities, float32 (viewers, candidates).

Flat rows, as training and gates have them, are the second case with one candidate. Vectors of viewers have shape
(viewers, 1, width) and vectors of candidates (groups, candidates, width): they broadcast against each other, so that
only what depends on both is computed for every pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

from recsys.specification import PICTURE
from recsys.training.configuration import NetworkConfig
from recsys.training.networks.layers import AsPairs
from recsys.training.networks.layout import Layout
from recsys.training.networks.sides import Sides
from recsys.training.tensorflow import keras, tf

OUTPUT = "probability"


class Network(keras.Model):  # type: ignore[misc]
    """A ranking network: a Keras model that knows how its inputs are laid out and what it was made with.

    Attributes:
        layout, config: set by `finish`.
    """

    layout: Layout
    config: NetworkConfig

    @property
    def of_candidates(self) -> frozenset[str]:
        """Names of the inputs that describe candidates."""
        return frozenset({*(feature.name for feature in self.layout.candidate), PICTURE})


def finish(
    layout: Layout, config: NetworkConfig, sides: Sides, *, pairs: Sequence[Any] = (), rows: Any = None
) -> Network:
    """Add up the log-odds of a network and make it a model.

    Args:
        pairs: log-odds whose shapes broadcast to (viewers, candidates, 1).
        rows: the last hidden layer of a deep part, a row for each pair, (viewers x candidates, units).

    Returns:
        A model with the features' names as inputs and the output `probability`, (viewers, candidates).
    """
    terms = list(pairs)
    if rows is not None:
        logits = keras.layers.Dense(1, use_bias=False, name="logit")(rows)
        terms.append(AsPairs()([logits, next(iter(sides.candidate.values()))]))
    network = Network(sides.inputs, Probability(name=OUTPUT)(sides.relate(terms)))
    network.layout, network.config = layout, config
    return network


class Probability(keras.layers.Layer):  # type: ignore[misc]
    """The logistic function of a sum of log-odds and of one bias for all."""

    def build(self, shapes: list[Any]) -> None:
        """Make the bias, which training starts at the base rate."""
        del shapes
        self.bias = self.add_weight("global_bias", (1,), initializer="zeros")

    def call(self, terms: list[Any]) -> Any:
        """Add (..., 1) shapes that broadcast; probabilities, (viewers, candidates)."""
        return tf.sigmoid(tf.squeeze(reduce(add, terms) + self.bias, axis=-1))
