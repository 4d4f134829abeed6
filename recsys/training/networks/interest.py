"""What a viewer engaged with, as far as it bears on the candidate: DIN and its relatives."""

from __future__ import annotations

from typing import Any

from recsys.training.configuration import NetworkConfig
from recsys.training.networks.attention import CosineAttention, TargetAttention
from recsys.training.networks.layers import PairDense, deepen
from recsys.training.networks.layout import Layout
from recsys.training.networks.network import Network, finish
from recsys.training.networks.sides import Sides, embed, join, two_widths


def paper(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build DIN, with relu where the paper has dice, which costs 1.6 times as much to serve; Zhou et al., KDD 2018."""
    return _build(layout, config, seed, TargetAttention(config.attention, seed))


def dot(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build DIN with attention by dot products of unit vectors, for a tenth of the cost."""
    return _build(layout, config, seed, CosineAttention())


def _build(layout: Layout, config: NetworkConfig, seed: int, attention: Any) -> Network:
    sides = embed(layout, config, seed, two_widths(config))
    rows = PairDense(config.hidden[0], seed=seed)(parts(sides, attention))
    return finish(layout, config, sides, rows=deepen(rows, config, seed))


def parts(sides: Sides, attention: Any) -> list[Any]:
    """Lay out what is known of viewers, of candidates and, where there are histories, of both together."""
    known = [join(sides.viewer.values()), join(sides.candidate.values())]
    if sides.histories:
        known.append(attention([sides.query(), *sides.histories.values(), sides.present]))
    return known
