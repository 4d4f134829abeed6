"""Behaviour sequence transformer: what a viewer engaged with, read as a sequence, then attended to by the candidate."""

from __future__ import annotations

from typing import Any

from recsys.training.configuration import NetworkConfig
from recsys.training.errors import BadRequest
from recsys.training.networks.attention import TargetAttention
from recsys.training.networks.layers import PairDense, deepen
from recsys.training.networks.layout import Layout
from recsys.training.networks.network import Network, finish
from recsys.training.networks.places import Places
from recsys.training.networks.sides import embed, join, two_widths
from recsys.training.tensorflow import Transformer, tf


def behaviours(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build BST; Chen et al., "Behavior Sequence Transformer", DLP-KDD 2019.

    As deepctr has it, and with its layer: self-attention among the behaviours alone, once per viewer, then DIN's
    attention of the candidate with normalised weights. With the candidate inside the sequence, as in the paper's
    figure 1, nothing could be computed once per viewer.
    """
    sides = embed(layout, config, seed, two_widths(config))
    parts = [join(sides.viewer.values()), join(sides.candidate.values())]
    if sides.histories:
        keys = join(sides.histories.values())
        # scaled as by Vaswani et al., section 3.4; deepctr's own encoding of places is scaled instead, and drowns them
        keys = Places()(keys * int(keys.shape[-1]) ** 0.5)
        length = tf.cast(tf.reduce_sum(sides.present, axis=1), tf.int32)
        for block in range(config.blocks):
            keys = _block(config, int(keys.shape[-1]), seed + block)([keys, keys, length, length])
        attention = TargetAttention(config.attention, seed, normalise=True)
        parts.append(attention([sides.query(), keys, sides.present]))
    rows = PairDense(config.hidden[0], seed=seed)(parts)
    return finish(layout, config, sides, rows=deepen(rows, config, seed))


def _block(config: NetworkConfig, width: int, seed: int) -> Any:
    return Transformer(
        att_embedding_size=head_width(config, width),
        head_num=config.heads,
        dropout_rate=config.dropout,
        use_positional_encoding=False,
        use_res=True,
        use_feed_forward=True,
        use_layer_norm=True,
        blinding=False,
        seed=seed,
        supports_masking=False,
        output_type=None,
    )


def head_width(config: NetworkConfig, width: int) -> int:
    """Share the width of a behaviour among the heads.

    Raises:
        BadRequest: it cannot be shared evenly.
    """
    each, rest = divmod(width, config.heads)
    if rest:
        raise BadRequest(f"heads must divide the width of a behaviour, {width}, got {config.heads}")
    return each
