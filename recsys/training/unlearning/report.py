"""What a sharded training tells about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShardReport:
    """One constituent.

    Attributes:
        rows: that it learns from.
        slices_kept: slices whose checkpoint was found; those behind them were learnt.
        digest: SHA-256 of the weights, 64 hexadecimal digits: equal weights have equal digests.
    """

    rows: int
    slices_kept: int
    digest: str


@dataclass(frozen=True, slots=True)
class ShardingReport:
    """How much of a sharded training had to be done.

    Attributes:
        shards: the constituents, in order.
        slices, epochs, batch_size: of each.
        rows_learnt: rows gone through in this training, counted again in every pass.
        rows_in_full: the same if no checkpoint had been found.
        deleted: files of checkpoints that this training did not arrive at any more.
        seconds: of learning, without the building of the network.
    """

    shards: tuple[ShardReport, ...]
    slices: int
    epochs: int
    batch_size: int
    rows_learnt: int
    rows_in_full: int
    deleted: int
    seconds: float
