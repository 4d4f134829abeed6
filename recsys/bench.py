"""How fast rankers are, in turns with each other and with the bare onnxruntime call.

`python -m recsys.bench MODEL.onnx…`, or `python -m recsys speed`, which also makes the models and adds outside peers.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median

import numpy as np

from recsys.features import Behaviour, Candidates, Context, FeatureSpec, Item, Viewer, encode, encode_items
from recsys.serving.ranker import Ranker

COUNTS = (20, 100, 200, 500, 2_000)
HISTORY = 50
ROUNDS = 200
CONTEXT = Context("screen", "venue", "retail", "checkout", hour=12, weekday=2, party=1)

Way = Callable[[], object]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds in which somebody scores the candidates of one decision.

    Attributes:
        bare_ms: median of the session's call on the same decision, encoded beforehand; None for what has no session.
    """

    name: str
    viewers: int
    candidates: int
    median_ms: float
    p99_ms: float
    bare_ms: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the bare call it takes."""
        return None if self.bare_ms is None else self.median_ms / self.bare_ms

    @property
    def spread(self) -> float:
        """How many times the median the slowest hundredth takes."""
        return self.p99_ms / self.median_ms

    def line(self) -> str:
        """Lay the figures out for people."""
        told = f"{self.name:<16s}{self.viewers:>8d}{self.candidates:>12d}{self.median_ms:>10.3f}{self.p99_ms:>9.3f}"
        told += f"{self.spread:>9.1f}"
        return told if self.bare_ms is None else f"{told}{self.bare_ms:>9.3f}{self.ratio:>8.2f}"


TITLES = ("", "viewers", "candidates", "p50 ms", "p99 ms", "p99/p50", "bare ms", "ratio")
HEADER = "{:<16s}{:>8s}{:>12s}{:>10s}{:>9s}{:>9s}{:>9s}{:>8s}".format(*TITLES)


def viewer(number: int = 0) -> Viewer:
    """Somebody recognised, with a full history."""
    return Viewer(
        f"viewer {number}", tuple(Behaviour(f"creative {n + number}", f"category {n % 7}") for n in range(HISTORY))
    )


def catalogue(count: int, spec: FeatureSpec) -> Candidates:
    """Encode creatives."""
    return encode_items([Item(f"creative {n}", f"category {n % 7}", f"advertiser {n % 5}") for n in range(count)], spec)


def speeds(
    rankers: Mapping[str, Ranker],
    candidates: int,
    *,
    viewers: int = 1,
    rounds: int = ROUNDS,
    peers: Mapping[str, Way] | None = None,
    clock: Clock = time.perf_counter,
) -> list[Speed]:
    """Time `Ranker.rank` and the bare session call on the same decisions, in turns, so that a slow moment hits all.

    Before each ranker's turn it ranks once without being timed: what another one left in the processor's caches is no
    part of a comparison.

    Args:
        rounds: decisions of each.
        peers: other ways to score as many candidates, by name.
        clock: seconds; `time.thread_time` leaves out what other programs take of a busy machine.
    """
    people = [viewer(number) for number in range(viewers)]
    ways = {name: _ways(ranker, people, candidates) for name, ranker in rankers.items()}
    ways |= {name: {"rank": way} for name, way in (peers or {}).items()}
    return [
        Speed(
            name,
            viewers,
            candidates,
            median(taken["rank"]),
            float(np.percentile(taken["rank"], 99)),
            median(taken["bare"]) if "bare" in taken else None,
        )
        for name, taken in _in_turns(ways, rounds, clock).items()
    ]


def _ways(ranker: Ranker, people: Sequence[Viewer], candidates: int) -> dict[str, Way]:
    shown = catalogue(candidates, ranker.spec)
    feeds = encode(CONTEXT, people, shown, 0, ranker.spec)
    return {"rank": lambda: ranker.rank(CONTEXT, people, shown), "bare": lambda: ranker.run(feeds)}


def _in_turns(ways: Mapping[str, Mapping[str, Way]], rounds: int, clock: Clock) -> dict[str, dict[str, list[float]]]:
    taken: dict[str, dict[str, list[float]]] = {name: {what: [] for what in own} for name, own in ways.items()}
    gc.collect()
    for number in range(rounds):
        for name, own in ways.items():
            next(iter(own.values()))()
            for what in list(own)[:: -1 if number % 2 else 1]:
                started = clock()
                own[what]()
                taken[name][what].append(1000 * (clock() - started))
    return taken


def main(paths: Sequence[Path]) -> None:
    """Print how fast model files are."""
    rankers = {path.name[:14]: Ranker.load(path, sha256(path.read_bytes()).hexdigest()) for path in paths}
    sys.stdout.write(HEADER + "\n")
    for count in COUNTS:
        for speed in speeds(rankers, count, rounds=ROUNDS):
            sys.stdout.write(speed.line() + "\n")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
