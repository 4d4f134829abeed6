"""Which frames the liveness networks learn from, and which only judge them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from faceid.mesh import FaceMesh
from faceid.training.liveness import COUNT, HELD_SHARE, Material
from faceid.training.liveness_frames import Living, made
from faceid.training.liveness_networks import MADE, Trained, train_networks
from faceid.training.photographs import without
from faceid.training.presentations import Sample

RECORDED = "recorded"
SIDE = 384
"""Larger side of made frames, pixels: large enough for faces of many patches."""

_HELD = 0.2
"""Share of the people, and of the frames, by which training is stopped and the log-odds are fitted."""


def train_networks_on(
    material: Material,
    out: Path,
    *,
    surface: FaceMesh,
    count: int = COUNT,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Trained, ...]:
    """Train both networks on what :func:`faceid.training.liveness.train_liveness` then fits the fusion on.

    With the same material and seed, neither the people nor the recordings on which the fusion is fitted are seen by a
    network. Recordings are split by source, never within one: within a source a network learns the room.

    Args:
        material: photographs, recordings, or both. Of two sources or more the last one is held out.
        out: directory of the liveness models.
        surface: the dense landmarks.
        count: frames to make from the photographs.
        seed: of everything.
        say: is told what is going on.

    Raises:
        ValueError: too few people or sources to hold one out.
    """
    generator = np.random.default_rng(seed)
    train, held = _people(material.living, seed)
    taught = [list(samples) for samples, _ in material.recordings]
    apart = [taught.pop()] if len(taught) > 1 else []
    if not held and not apart:
        raise ValueError("Networks need photographs of three people or recordings of two sources, to hold one out.")
    stop = [*_made(held, round(_HELD * count), generator), *(sample for source in apart for sample in source)]
    say(f"{len(stop)} frames held out from the networks")
    frames = _chained(_made(train, round((1 - _HELD) * count), generator), taught)
    sources = ([MADE] if material.living else []) + ([RECORDED] if material.recordings else [])
    return train_networks(frames, stop, out, surface=surface, seed=seed, attacks=" and ".join(sources), say=say)


def _people(living: Iterable[Living], seed: int) -> tuple[list[Living], list[Living]]:
    """Leave out whom the fusion is fitted on, and split the others."""
    living = list(living)
    if not living:
        return [], []
    kept, _ = without([one.person for one in living], share=HELD_SHARE, seed=seed)
    train, held = without(sorted(kept), share=_HELD, seed=seed)
    return [one for one in living if one.person in train], [one for one in living if one.person in held]


def _made(living: list[Living], count: int, generator: np.random.Generator) -> Iterator[Sample]:
    return made(living, count, generator, side=SIDE) if living else iter(())


def _chained(first: Iterator[Sample], sources: Iterable[list[Sample]]) -> Iterator[Sample]:
    yield from first
    for source in sources:
        yield from source
