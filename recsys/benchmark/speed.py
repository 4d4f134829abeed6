"""How fast decisions are scored: our networks as they serve, and LightGBM beside them, in turns on one thread."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recsys.bench import CONTEXT, HEADER, Clock, Speed, Way, catalogue, speeds, viewer
from recsys.benchmark.fidelity import Fidelity
from recsys.features import DEFAULT_SPEC
from recsys.serving.metadata import Calibration, ModelMetadata
from recsys.serving.ranker import Ranker
from recsys.serving.retrieval import CREATIVE_TOWER, VIEWER_TOWER, Towers

if TYPE_CHECKING:
    from recsys.training.request import Kind

TREES, LEAVES, TREE_ROWS = 200, 63, 50_000
TREES_NAME: Final = "lightgbm"
CATALOGUES = (10_000, 100_000)
SHORTLIST = 1_000
BARE_RATIO, LARGEST_SPREAD, CHAMPION_MS, JUDGED_AT = 1.2, 3.0, 1.0, 200
CLOCKS: Final[Mapping[str, Clock]] = {"wall": time.perf_counter, "cpu": time.thread_time}


@dataclass(frozen=True, slots=True)
class SpeedPlan:
    """What to time.

    Attributes:
        kinds: of networks.
        rounds: decisions of each.
        clock: `wall`, or `cpu` for what this program's own thread took on a busy machine.
    """

    kinds: tuple[Kind, ...]
    counts: tuple[int, ...]
    rounds: int
    clock: str = "wall"


@dataclass(frozen=True, slots=True)
class SpeedReport:
    """One run: what was timed, and what is asked of it."""

    clock: str
    speeds: tuple[Speed, ...]
    bars: tuple[str, ...]
    fidelity: Fidelity | None = None

    def table(self) -> str:
        """Lay the report out for people."""
        lines = [f"milliseconds of {self.clock} time", HEADER, *(each.line() for each in self.speeds), "", *self.bars]
        return "\n".join(lines if self.fidelity is None else [*lines, "", *self.fidelity.lines()])

    def write(self, path: Path) -> None:
        """Write the report as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def measure_speed(plan: SpeedPlan) -> SpeedReport:
    """Time every network and LightGBM on the same decisions: one recognised viewer with fifty behaviours."""
    with TemporaryDirectory(prefix="speed-") as folder:
        rankers = _rankers(plan.kinds, Path(folder))
    clock, trees = CLOCKS[plan.clock], _trees()
    found: list[Speed] = []
    for count in plan.counts:
        peers = {TREES_NAME: trees(count)}
        found += speeds(rankers, count, rounds=plan.rounds, peers=peers, clock=clock)
    found += speeds(rankers, JUDGED_AT, viewers=4, rounds=plan.rounds, clock=clock)
    towers = _towers()
    for count in CATALOGUES:
        peers = {"shortlist": _shortlist(towers, count)}
        found += speeds({}, count, rounds=max(plan.rounds // 4, 1), peers=peers, clock=clock)
    return SpeedReport(plan.clock, tuple(found), tuple(bars(found, plan.kinds)))


def bars(found: Sequence[Speed], kinds: Sequence[str]) -> list[str]:
    """Say of each network which of the bars it meets for a decision of one viewer."""
    alone = {(each.name, each.candidates): each for each in found if each.viewers == 1}
    told = []
    for kind in kinds:
        judged = alone.get((kind, JUDGED_AT))
        if judged is not None and judged.ratio is not None:
            told += [
                _bar(f"{kind}, {JUDGED_AT} candidates, times the bare call", judged.ratio, BARE_RATIO),
                _bar(f"{kind}, {JUDGED_AT} candidates, p99 / p50", judged.spread, LARGEST_SPREAD),
                _bar(f"{kind}, {JUDGED_AT} candidates, ms", judged.median_ms, CHAMPION_MS),
            ]
        for (name, count), trees in alone.items():
            if name == TREES_NAME and (kind, count) in alone:
                share = alone[kind, count].median_ms / trees.median_ms
                told.append(_bar(f"{kind}, {count} candidates, times LightGBM's time", share, 1.0))
    return told


def _bar(what: str, value: float, most: float) -> str:
    return f"{'met   ' if value <= most else 'MISSED'} {what}: {value:.2f}, at most {most:.2f}"


def _rankers(kinds: Sequence[Kind], folder: Path) -> dict[str, Ranker]:
    """Export each network as it serves, and the smaller files of the last."""
    from recsys.training.quantise import quantise
    from recsys.training.request import QUANTISATIONS

    content: dict[str, bytes] = {kind: _exported(kind) for kind in kinds}
    content |= {f"{kinds[-1]} {method}": quantise(content[kinds[-1]], method) for method in QUANTISATIONS}
    return {name: _load(graph, folder) for name, graph in content.items()}


def _load(content: bytes, folder: Path) -> Ranker:
    path = folder / "model.onnx"
    path.write_bytes(content)
    return Ranker.load(path, sha256(content).hexdigest())


def _exported(kind: Kind) -> bytes:
    """Export an untrained network of the product's features and sizes; its weights matter to no clock."""
    from recsys.training.export import convert
    from recsys.training.networks import build
    from recsys.training.tensorflow import seed_everything

    seed_everything(1)
    network: Any = build(kind, DEFAULT_SPEC, 1)
    random = np.random.default_rng(1)
    for weight in network.trainable_weights:
        weight.assign_add(random.normal(0, 0.1, weight.shape).astype(np.float32))
    shifts = {identity: 0.1 * identity for identity in range(5)}
    return convert(network, _metadata(kind, Calibration(1.1, 0.1, shifts, shifts)))


def _metadata(kind: str, calibration: Calibration) -> ModelMetadata:
    return ModelMetadata(kind, DEFAULT_SPEC.digest, "0" * 64, "2026-01-01T00:00:00+00:00", calibration)


def _towers() -> Towers:
    """Export untrained towers."""
    from recsys.training.export import convert
    from recsys.training.retrieval import TwoTowers

    towers: Any = TwoTowers(DEFAULT_SPEC)
    graphs = {VIEWER_TOWER: towers.viewer_tower, CREATIVE_TOWER: towers.creative_tower}
    return Towers.open(
        {name: convert(graph, _metadata(name, Calibration())) for name, graph in graphs.items()}, DEFAULT_SPEC
    )


def _shortlist(towers: Towers, count: int) -> Way:
    """Choose a thousand of a catalogue of which nine in ten are eligible."""
    shown = catalogue(count, DEFAULT_SPEC)
    eligible = np.flatnonzero(np.arange(count) % 10)
    handicap = np.linspace(0, 1, len(eligible))
    return partial(towers.nearest, CONTEXT, [viewer()], shown, eligible, SHORTLIST, handicap)


def _trees() -> Any:
    """Train LightGBM on as many columns as there are features but histories; answers ways to score by count."""
    import lightgbm

    random = np.random.default_rng(1)
    width = len(DEFAULT_SPEC.singles)
    rows = random.integers(0, 1_000, (TREE_ROWS, width)).astype(np.float64)
    labels = random.random(TREE_ROWS) < 1 / (1 + np.exp((rows[:, :3].sum(axis=1) - 1_500) / 300))
    settings = {"objective": "binary", "num_leaves": LEAVES, "num_threads": 2, "verbosity": -1, "seed": 1}
    model = lightgbm.train(settings, lightgbm.Dataset(rows, labels.astype(np.float64)), num_boost_round=TREES)
    return lambda count: partial(model.predict, rows[:count], num_threads=1)
