"""Deep Interest Network: what a viewer engaged with, as far as it bears on the candidate."""

from __future__ import annotations

from typing import Any

from recsys.features import Feature
from recsys.training.networks.attention import DotAttention, TargetAttention
from recsys.training.networks.deepfm import DROPOUT, FORGETTING, HIDDEN, PENALTY, deepen
from recsys.training.networks.network import Layout, Network, PairDense, embed, finish, join
from recsys.training.tensorflow import keras

WIDE, NARROW = 16, 8
WIDE_TABLES = {"viewer", "creative"}
ATTENTION = (32, 16)


def build(layout: Layout, seed: int, *, dot: bool = False) -> Network:
    """Build DIN, with relu where the paper has dice, which costs 1.6 times as much to serve; Zhou et al., KDD 2018.

    Args:
        dot: attend by dot products instead of the paper's attention network.
    """
    sides = embed(layout, width=_width, seed=seed, forgetting=FORGETTING, penalty=PENALTY)
    parts = [join(sides.viewer.values()), join(sides.candidate.values())]
    if layout.histories:
        query = join(sides.candidate[feature.table] for feature in layout.histories)
        attention: Any = DotAttention(seed) if dot else TargetAttention(ATTENTION, seed)
        parts.append(attention([query, join(sides.histories.values()), sides.present]))
    rows = keras.layers.Dropout(DROPOUT)(PairDense(HIDDEN[0], seed=seed)(parts))
    return finish(layout, sides, rows=deepen(rows, HIDDEN[1:], DROPOUT, seed))


def _width(feature: Feature) -> int:
    return WIDE if (feature.table or feature.name) in WIDE_TABLES else NARROW
