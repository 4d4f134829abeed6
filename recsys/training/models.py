"""Ranking networks, built from the feature specification."""

from __future__ import annotations

from typing import Any

from recsys.features import Feature, FeatureSpec
from recsys.training.request import Kind
from recsys.training.tensorflow import (
    DIN,
    DeepFM,
    SequencePoolingLayer,
    SparseFeat,
    VarLenSparseFeat,
    keras,
    tf,
)

WIDE, NARROW = 16, 8
WIDE_TABLES = {"viewer", "creative"}
FACTORS = 8
INITIAL_SPREAD = 1e-2
PENALTY = 1e-4
LARGEST_PENALISED = 100_000
DROPOUT = 0.2
FORGETTING = 0.3


def build(kind: Kind, spec: FeatureSpec, seed: int) -> Any:
    """Build an untrained network that gives the probability of engagement.

    Args:
        kind: `din`, Deep Interest Network (Zhou et al., KDD 2018), with relu where the paper has dice, which costs
            1.6 times as much to serve; or `deepfm` (Guo et al., IJCAI 2017) with the histories averaged.

    Returns:
        A Keras model; one int32 input per feature of the specification, one output of shape (rows, 1).
    """
    if kind == "din":
        columns = [_column(feature, _width(feature), seed + place) for place, feature in enumerate(spec.features)]
        network = DIN(
            columns,
            [feature.table for feature in spec.features if feature.length > 1],
            dnn_hidden_units=(64, 32),
            att_hidden_size=(32, 16),
            att_activation="relu",
            l2_reg_embedding=PENALTY,
            dnn_dropout=DROPOUT,
            seed=seed,
        )
    else:
        columns = [_column(feature, FACTORS, seed + place) for place, feature in enumerate(spec.features)]
        network = DeepFM(
            columns,
            columns,
            dnn_hidden_units=(64, 32),
            l2_reg_linear=PENALTY,
            l2_reg_embedding=PENALTY,
            dnn_dropout=DROPOUT,
            seed=seed,
        )
    return _with_names_of(spec, _with_plain_constants(_without_large_penalties(network)))


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


def _width(feature: Feature) -> int:
    return WIDE if (feature.table or feature.name) in WIDE_TABLES else NARROW


def _column(feature: Feature, width: int, seed: int) -> Any:
    """Describe a feature to deepctr; each table has a seed of its own, where deepctr would start them all alike."""
    column = SparseFeat(
        _input_name(feature),
        feature.size,
        embedding_dim=width,
        embedding_name=feature.table or feature.name,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=INITIAL_SPREAD, seed=seed),
    )
    return column if feature.length == 1 else VarLenSparseFeat(column, maxlen=feature.length, combiner="mean")


def _input_name(feature: Feature) -> str:
    """Name an input as deepctr's DIN wants it: a history is called after what it is a history of."""
    return feature.name if feature.length == 1 else f"hist_{feature.table}"


def _with_names_of(spec: FeatureSpec, network: Any) -> Any:
    inputs = {
        feature.name: keras.Input((feature.length,), name=feature.name, dtype="int32") for feature in spec.features
    }
    by_input = {_input_name(feature): inputs[feature.name] for feature in spec.features}
    by_input["viewer"] = Forget(FORGETTING)(inputs["viewer"])
    return keras.Model(inputs, network([by_input[name] for name in network.input_names]))


def _with_plain_constants(network: Any) -> Any:
    """Turn the tensors that deepctr's pooling keeps as constants into numbers.

    A tensor made outside the traced function would become one more input of the exported graph.
    """
    for layer in network.layers:
        if isinstance(layer, SequencePoolingLayer):
            layer.eps = float(layer.eps)
    return network


def _without_large_penalties(network: Any) -> Any:
    """Take the L2 penalty from large tables.

    deepctr always attaches one, and with it every step sweeps the table whole; that is cheap for small tables only.
    """
    for layer in network.layers:
        if isinstance(layer, keras.layers.Embedding) and layer.input_dim > LARGEST_PENALISED:
            layer.embeddings_regularizer = None
            layer._callable_losses.clear()
    return network
