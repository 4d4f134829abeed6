"""deepctr's own networks as they come, to measure ours against."""

from __future__ import annotations

from typing import Any

# before deepctr, which must find Keras 2 and no thread that asks the package index for its newest version
from recsys.training.tensorflow import keras, tf  # isort: skip

from deepctr.feature_column import SparseFeat, VarLenSparseFeat
from deepctr.models import DIN, DeepFM

from recsys.features import Feature, FeatureSpec, Feeds
from recsys.training.configuration import NetworkConfig
from recsys.training.networks.sides import WIDE_TABLES

__all__ = ["feeds_of", "keras", "stock", "tf"]


def stock(config: NetworkConfig, spec: FeatureSpec, seed: int) -> Any:
    """Build deepctr's DeepFM or DIN with the widths and layers of ours, and all else as deepctr has it.

    That is: L2 penalties of whole tables, and dice in DIN's attention. It is compiled with Keras's Adam.
    """
    columns = [_column(feature, config) for feature in spec.features]
    options = {"dnn_hidden_units": config.hidden, "dnn_dropout": config.dropout, "seed": seed}
    if config.kind == "deepfm":
        network = DeepFM(columns, columns, **options)
    else:
        remembered = [feature.table for feature in spec.features if feature.length > 1]
        network = DIN(columns, remembered, att_hidden_size=config.attention, **options)
    network.compile(keras.optimizers.Adam(config.learning_rate), loss="binary_crossentropy")
    return network


def feeds_of(network: Any, feeds: Feeds) -> list[Any]:
    """Order feeds as the network's inputs, which it names in its own way."""
    return [feeds[name.replace("hist_", "history_")] for name in network.input_names]


def _column(feature: Feature, config: NetworkConfig) -> Any:
    table = feature.table or feature.name
    wide = config.kind == "deepfm" or table in WIDE_TABLES
    width = config.width if wide else config.narrow
    name = feature.name if feature.length == 1 else f"hist_{feature.table}"
    column = SparseFeat(name, feature.size, embedding_dim=width, embedding_name=table)
    return column if feature.length == 1 else VarLenSparseFeat(column, maxlen=feature.length, combiner="mean")
