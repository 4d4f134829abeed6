"""How much a ranker costs above the bare onnxruntime call: `python -m recsys.bench MODEL.onnx`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median

from recsys.features import Behaviour, Context, Item, Viewer, encode, encode_items
from recsys.serving.ranker import Ranker


@dataclass(frozen=True, slots=True)
class RankerRatio:
    """Median milliseconds of one decision's ranking and of the bare session call on the same rows."""

    candidates: int
    ranker_ms: float
    session_ms: float

    @property
    def ratio(self) -> float:
        """How many times the bare call the ranker takes."""
        return self.ranker_ms / self.session_ms


def ranker_ratio(ranker: Ranker, *, candidates: int = 200, history: int = 50, rounds: int = 200) -> RankerRatio:
    """Time `Ranker.rank` for one recognised viewer against the bare session call on prepared rows, in turns.

    Args:
        history: behaviours of the viewer.
        rounds: pairs of calls; medians are reported.
    """
    context = Context("screen", "venue", "retail", "checkout", hour=12, weekday=2, party=1)
    viewer = Viewer("viewer", tuple(Behaviour(f"creative {n}", f"category {n % 7}") for n in range(history)))
    items = encode_items([Item(f"creative {n}", f"category {n % 7}", f"advertiser {n % 5}") for n in range(candidates)])
    names = {node.name for node in ranker.session.get_inputs()}
    output = ranker.session.get_outputs()[0].name
    feeds = {name: ids for name, ids in encode(context, [viewer], items, 0, ranker.spec).items() if name in names}
    ranked, bare = [], []
    for _ in range(rounds):
        ranked.append(_milliseconds(lambda: ranker.rank(context, [viewer], items)))
        bare.append(_milliseconds(lambda: ranker.session.run([output], feeds)))
    return RankerRatio(candidates, median(ranked), median(bare))


def _milliseconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)


def main(path: Path) -> None:
    """Print the ratio for 20, 100, 200 and 500 candidates."""
    ranker = Ranker.load(path, sha256(path.read_bytes()).hexdigest())
    for candidates in (20, 100, 200, 500):
        found = ranker_ratio(ranker, candidates=candidates)
        sys.stdout.write(
            f"{candidates:5d} candidates  ranker {found.ranker_ms:.2f} ms  session {found.session_ms:.2f} ms  "
            f"ratio {found.ratio:.2f}\n"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
