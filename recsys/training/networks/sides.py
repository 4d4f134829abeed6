"""The inputs of a network, and the vectors that stand for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from recsys.features import Feature
from recsys.specification import PICTURE
from recsys.training.configuration import NetworkConfig
from recsys.training.networks.layers import times
from recsys.training.networks.layout import Layout
from recsys.training.networks.related import ITEM, Beside, Related, columns
from recsys.training.tensorflow import keras, tf

WIDE_TABLES = frozenset({"viewer", "creative"})


@dataclass(frozen=True)
class Sides:
    """The inputs of a graph and their vectors.

    Attributes:
        layout: whose features they are.
        inputs: Keras inputs by feature name.
        viewer: vectors of the viewer's single features, (viewers, 1, width) each.
        candidate: vectors of the candidate's features, (groups, candidates, width) each.
        histories: vectors of histories, (viewers, places, width) each, by the name of the feature.
        present: 1.0 where a history holds something and 0.0 behind its end, (viewers, places, 1); None without any.
        related: item-item vectors by the names of histories (viewers, places, rank) and of the features that they are
            histories of (groups, candidates, rank); empty without such.
    """

    layout: Layout
    inputs: dict[str, Any]
    viewer: dict[str, Any]
    candidate: dict[str, Any]
    histories: dict[str, Any]
    present: Any
    related: dict[str, Any]

    def query(self) -> Any:
        """Join the candidate's vectors from the tables that histories share, as wide as a behaviour."""
        return join(self.candidate[feature.table] for feature in self.layout.histories)

    def mean(self, history: str) -> Any:
        """Average a history over what it holds; zeros if it is empty, (viewers, 1, width)."""
        total = tf.reduce_sum(self.histories[history] * self.present, axis=1, keepdims=True)
        return total / tf.maximum(tf.reduce_sum(self.present, axis=1, keepdims=True), 1.0)

    def relate(self, terms: Sequence[Any]) -> list[Any]:
        """Add item-item weights to log-odds whose shapes broadcast, where there are any; see `Related`."""
        if not self.related:
            return list(terms)
        histories = self.layout.histories
        vectors = [[self.related[one.name] for one in histories], [self.related[one.table] for one in histories]]
        layer = Related(tuple(one.table != ITEM for one in histories), name="related")
        return [layer([list(terms), *vectors, [self.present]])]


def embed(layout: Layout, config: NetworkConfig, seed: int, width: Callable[[Feature], int] | None = None) -> Sides:
    """Make inputs and embedding tables for all features; a history shares the table of what it is a history of.

    Args:
        width: of the vectors of a feature, where it is not the configuration's ``width`` for all.
    """
    inputs: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    vectors: dict[str, Any] = {}
    related: dict[str, Any] = {}
    remembered = {feature.table for feature in layout.histories}
    rank = columns(config.item_item) if ITEM in remembered else 0
    for place, feature in enumerate(layout.spec.features):
        many = feature in layout.candidate
        ids = inputs[feature.name] = keras.Input((None if many else feature.length,), name=feature.name, dtype="int32")
        if feature.name == "viewer":
            ids = Forget(config.forgetting)(ids)
        name = feature.table or feature.name
        own, beside = width(feature) if width else config.width, 2 * rank if name in remembered else 0
        if name not in tables:
            start = keras.initializers.RandomNormal(stddev=config.spread, seed=seed + place)
            start = Beside(start, beside) if beside else start
            tables[name] = keras.layers.Embedding(feature.size, own + beside, start, name=f"{name}_table")
        vectors[feature.name] = tables[name](ids)
        if beside:  # one look-up serves both
            vectors[feature.name], *both = tf.split(vectors[feature.name], [own, rank, rank], axis=-1)
            related[feature.name] = both[many]
    singles = [feature.name for feature in (*layout.viewer, *layout.candidate)]
    if config.picture:
        feature = Feature(PICTURE, 2)
        pixels = inputs[PICTURE] = keras.Input((None, config.picture), name=PICTURE, dtype="float32")
        vectors[PICTURE] = Projection(width(feature) if width else config.width, seed, name="picture")(pixels)
    if singles:
        kept = Penalty(config.penalty)([vectors[name] for name in singles])
        vectors |= zip(singles, kept, strict=True)
        vectors |= _omitted(layout, vectors, config.omission)
    present = tf.cast(tf.not_equal(inputs[layout.histories[0].name], 0), tf.float32) if layout.histories else None
    return Sides(
        layout=layout,
        inputs=inputs,
        viewer={feature.name: vectors[feature.name] for feature in layout.viewer},
        candidate={feature.name: vectors[feature.name] for feature in layout.candidate}
        | ({PICTURE: vectors[PICTURE]} if config.picture else {}),
        histories={feature.name: vectors[feature.name] for feature in layout.histories},
        present=None if present is None else present[:, :, None],
        related=related,
    )


def _omitted(layout: Layout, vectors: dict[str, Any], rate: float) -> dict[str, Any]:
    """Leave out some of what is known of the viewer's side but who it is, which `Forget` sees to."""
    names = [feature.name for feature in layout.viewer if feature.name != "viewer"]
    return dict(zip(names, Omit(rate)([vectors[name] for name in names]), strict=True)) if names and rate else {}


def two_widths(config: NetworkConfig) -> Callable[[Feature], int]:
    """Give viewers and creatives wide vectors, and narrow ones to what has few values."""
    return lambda feature: config.width if (feature.table or feature.name) in WIDE_TABLES else config.narrow


def join(vectors: Iterable[Any]) -> Any:
    """Concatenate vectors along their width."""
    found = list(vectors)
    return found[0] if len(found) == 1 else tf.concat(found, axis=-1)


class Projection(keras.layers.Layer):  # type: ignore[misc]
    """A matrix without a bias, so that a creative without a picture, whose numbers are zeros, has a vector of zeros."""

    def __init__(self, units: int, seed: int, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.initializer = units, keras.initializers.GlorotUniform(seed)

    def build(self, shape: Any) -> None:
        """Make the matrix."""
        self.kernel = self.add_weight("kernel", (int(shape[-1]), self.units), initializer=self.initializer)

    def call(self, values: Any) -> Any:
        """Project (groups, candidates, width) to (groups, candidates, units)."""
        return times(values, self.kernel)


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
            self.add_loss(self.rate * tf.add_n([_mean_square(each) for each in vectors]))
        return [tf.identity(each) for each in vectors]


def _mean_square(vectors: Any) -> Any:
    """Average the squared lengths of vectors, by the operation whose gradient is cheapest."""
    return tf.nn.l2_loss(vectors) * (2.0 * vectors.shape[-1] / tf.cast(tf.size(vectors), tf.float32))


class Omit(keras.layers.Layer):  # type: ignore[misc]
    """Leaves whole vectors out while training, each row's and each feature's by themselves; nothing otherwise.

    Together, an hour, a weekday and the length of a history tell one viewer's visit from all others, so that a network
    would learn the visits of its log by heart, which are not those to come. Dropout (Srivastava et al., JMLR 15, 2014)
    of whole features keeps any one from being relied on together with others. What is left is scaled up, so that sums
    and products of pairs stay the same on average.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate

    def call(self, vectors: list[Any], training: bool | None = None) -> list[Any]:
        """Set some vectors to zeros while training; (viewers, 1, width) each."""
        if not training:
            return [tf.identity(each) for each in vectors]
        draws = tf.random.uniform((tf.shape(vectors[0])[0], len(vectors)))
        kept = tf.cast(draws >= self.rate, tf.float32) / (1.0 - self.rate)
        return [each * kept[:, place, None, None] for place, each in enumerate(vectors)]


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
