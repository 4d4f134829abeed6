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

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any

from recsys.features import ITEM_WORDS, Feature, FeatureSpec, Feeds
from recsys.training.tensorflow import keras, tf

GRAPH = "split"
OUTPUT = "probability"
INITIAL_SPREAD = 1e-2


@dataclass(frozen=True)
class Layout:
    """Which features of a specification are a viewer's and which a candidate's, in the order of the specification."""

    spec: FeatureSpec

    @cached_property
    def candidate(self) -> tuple[Feature, ...]:
        """Features of creatives."""
        return tuple(feature for feature in self.spec.features if feature.name in ITEM_WORDS)

    @cached_property
    def viewer(self) -> tuple[Feature, ...]:
        """Features of a viewer and a moment that hold one id."""
        return tuple(feature for feature in self.spec.features if feature.length == 1 and feature not in self.candidate)

    @cached_property
    def histories(self) -> tuple[Feature, ...]:
        """Features of a viewer that hold what they engaged with, newest first."""
        return tuple(feature for feature in self.spec.features if feature.length > 1)

    def split(self, feeds: Feeds, viewers: int) -> Feeds:
        """Turn flat rows, viewer by viewer with the same candidates each, into the two sides of the graph.

        Args:
            feeds: as `recsys.features.encode` gives them, (viewers x candidates, length).

        Returns:
            Features of viewers (viewers, length), features of candidates (1, candidates).
        """
        rows = len(next(iter(feeds.values())))
        candidates, rest = divmod(rows, viewers)
        if rest:
            raise ValueError(f"{rows} rows are no equal number of candidates for each of {viewers} viewers")
        names = {feature.name for feature in self.candidate}
        return {
            name: ids[:candidates].reshape(1, candidates) if name in names else ids[::candidates]
            for name, ids in feeds.items()
        }


@dataclass(frozen=True)
class Sides:
    """The inputs of a graph and their vectors.

    Attributes:
        inputs: Keras inputs by feature name.
        viewer: vectors of the viewer's single features, (viewers, 1, width) each.
        candidate: vectors of the candidate's features, (groups, candidates, width) each.
        histories: vectors of histories, (viewers, places, width) each, by the name of the feature.
        present: 1.0 where a history holds something and 0.0 behind its end, (viewers, places, 1); None without any.
    """

    inputs: dict[str, Any]
    viewer: dict[str, Any]
    candidate: dict[str, Any]
    histories: dict[str, Any]
    present: Any

    def mean(self, history: str) -> Any:
        """Average a history over what it holds; zeros if it is empty, (viewers, 1, width)."""
        total = tf.reduce_sum(self.histories[history] * self.present, axis=1, keepdims=True)
        return total / tf.maximum(tf.reduce_sum(self.present, axis=1, keepdims=True), 1.0)


def embed(
    layout: Layout,
    *,
    width: Callable[[Feature], int],
    seed: int,
    forgetting: float,
    penalty: float,
    spread: float = INITIAL_SPREAD,
) -> Sides:
    """Make inputs and embedding tables for all features; a history shares the table of what it is a history of.

    Args:
        width: of the vectors of a feature.
        forgetting: share of viewers who are made anonymous while training.
        penalty: L2 penalty on the vectors that a batch touches, see `Penalty`.
        spread: standard deviation of the initial vectors.
    """
    inputs: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    vectors: dict[str, Any] = {}
    for place, feature in enumerate(layout.spec.features):
        many = feature in layout.candidate
        ids = inputs[feature.name] = keras.Input((None if many else feature.length,), name=feature.name, dtype="int32")
        if feature.name == "viewer":
            ids = Forget(forgetting)(ids)
        name = feature.table or feature.name
        if name not in tables:
            start = keras.initializers.RandomNormal(stddev=spread, seed=seed + place)
            tables[name] = keras.layers.Embedding(feature.size, width(feature), start, name=f"{name}_table")
        vectors[feature.name] = tables[name](ids)
    singles = [feature.name for feature in (*layout.viewer, *layout.candidate)]
    kept = Penalty(penalty)([vectors[name] for name in singles])
    vectors |= dict(zip(singles, kept, strict=True))
    present = tf.cast(tf.not_equal(inputs[layout.histories[0].name], 0), tf.float32) if layout.histories else None
    return Sides(
        inputs=inputs,
        viewer={feature.name: vectors[feature.name] for feature in layout.viewer},
        candidate={feature.name: vectors[feature.name] for feature in layout.candidate},
        histories={feature.name: vectors[feature.name] for feature in layout.histories},
        present=None if present is None else present[:, :, None],
    )


class Network(keras.Model):  # type: ignore[misc]
    """A ranking network: a Keras model that says how its inputs are laid out, which is all that export needs.

    Attributes:
        layout: set by `finish`.
        settings: what the network was made with, by name; set by `finish`.
    """

    layout: Layout
    settings: dict[str, Any]


def finish(layout: Layout, sides: Sides, *, pairs: Sequence[Any] = (), rows: Any = None) -> Network:
    """Add up the log-odds of a network and make it a model.

    Args:
        pairs: log-odds whose shapes broadcast to (viewers, candidates, 1).
        rows: the last hidden layer of a deep part, a row for each pair, (viewers x candidates, units).

    Returns:
        A model with the features' names as inputs and the output `probability`, (viewers, candidates).
    """
    terms = list(pairs)
    anchor = next(iter(sides.candidate.values()))
    if rows is not None:
        terms.append(AsPairs()([keras.layers.Dense(1, use_bias=False, name="logit")(rows), anchor]))
    network = Network(sides.inputs, Probability(name=OUTPUT)(terms))
    network.layout = layout
    return network


def join(vectors: Iterable[Any]) -> Any:
    """Concatenate vectors along their width."""
    found = list(vectors)
    return found[0] if len(found) == 1 else tf.concat(found, axis=-1)


class PairDense(keras.layers.Layer):  # type: ignore[misc]
    """A dense layer on the concatenation of what is known of a viewer, of a candidate and of both together.

    W [v; c; b] = Wv v + Wc c + Wb b: the first product is taken once per viewer, the second once per candidate.
    """

    def __init__(self, units: int, activation: str | None = "relu", seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.initializer = keras.initializers.GlorotUniform(seed)

    def build(self, shapes: list[Any]) -> None:
        """Make one kernel, as a dense layer over all widths would have it."""
        self.widths = [int(shape[-1]) for shape in shapes]
        self.kernel = self.add_weight("kernel", (sum(self.widths), self.units), initializer=self.initializer)
        self.bias = self.add_weight("bias", (self.units,), initializer="zeros")

    def call(self, parts: list[Any]) -> Any:
        """Compute a row for each pair.

        Args:
            parts: of the viewer (viewers, 1, width), of the candidate (groups, candidates, width) and, if there is
                any, of both (viewers, candidates, width).

        Returns:
            (viewers x candidates, units).
        """
        kernels = tf.split(self.kernel, self.widths)
        viewer, candidate = parts[:2]
        first = tf.nn.bias_add(tf.reshape(viewer, (-1, self.widths[0])) @ kernels[0], self.bias)
        second = tf.reshape(candidate, (-1, self.widths[1])) @ kernels[1]
        second = tf.reshape(second, (-1, tf.shape(candidate)[1], self.units))
        rows = tf.reshape(first[:, None, :] + second, (-1, self.units))
        if len(parts) > 2:
            rows += tf.reshape(parts[2], (-1, self.widths[2])) @ kernels[2]
        return self.activation(rows)


class AsPairs(keras.layers.Layer):  # type: ignore[misc]
    """Lays rows out as (viewers, candidates, width), given vectors of the candidates."""

    def call(self, inputs: list[Any]) -> Any:
        """Reshape (viewers x candidates, width) by the second dimension of the candidates' vectors."""
        rows, candidate = inputs
        return tf.reshape(rows, (-1, tf.shape(candidate)[1], rows.shape[-1]))


class Probability(keras.layers.Layer):  # type: ignore[misc]
    """The logistic function of a sum of log-odds and of one bias for all."""

    def build(self, shapes: list[Any]) -> None:
        """Make the bias, which training starts at the base rate."""
        del shapes
        self.bias = self.add_weight("global_bias", (1,), initializer="zeros")

    def call(self, terms: list[Any]) -> Any:
        """Add (..., 1) shapes that broadcast; probabilities, (viewers, candidates)."""
        return tf.sigmoid(tf.squeeze(reduce(add, terms) + self.bias, axis=-1))


class Penalty(keras.layers.Layer):  # type: ignore[misc]
    """An L2 penalty on the vectors that a batch looked up, averaged over its rows.

    Unlike a regulariser of the table it leaves the gradient sparse: a step costs what the batch touches, and not a
    sweep over every id that there is.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate

    def call(self, vectors: list[Any], training: bool | None = None) -> list[Any]:
        """Pass the vectors through and, while training, add their penalty to the loss."""
        if training and self.rate:
            self.add_loss(self.rate * sum(tf.reduce_mean(tf.reduce_sum(tf.square(each), -1)) for each in vectors))
        return [tf.identity(each) for each in vectors]


class Forget(keras.layers.Layer):  # type: ignore[misc]
    """Makes some viewers anonymous while training, so that the network serves people it has never met.

    "DropoutNet: Addressing Cold Start in Recommender Systems", Volkovs, Yu and Poutanen, NIPS 2017.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate

    def call(self, ids: Any, training: bool | None = None) -> Any:
        """Replace a share of the ids by 0 while training; leave all as they are otherwise."""
        if not training:
            return ids
        return ids * tf.cast(tf.random.uniform(tf.shape(ids)) >= self.rate, ids.dtype)
