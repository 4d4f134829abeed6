"""What a benchmark found: for people a table, for programs JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from recsys.benchmark.intervals import over_seeds
from recsys.benchmark.log import Log
from recsys.benchmark.models.model import Scores
from recsys.benchmark.outcome import COLD, METRICS, Outcome
from recsys.benchmark.prepared import Rows
from recsys.benchmark.splitting import How, Parts
from recsys.benchmark.verdict import Comparison, compare, sentence

LIBRARIES: Final = ("numpy", "scikit-learn", "lightgbm", "implicit", "tensorflow", "deepctr")
TITLES: Final = {
    "auc": "AUC",
    "gauc": "GAUC",
    "log_loss": "log loss",
    "ece": "ECE",
    "chance_ece": "ECE by chance",
    "ndcg": "NDCG@10",
    "coverage": "coverage",
    "anonymous_auc": "AUC, nobody known",
    "new_item_auc": "AUC, new items",
}
SPLITS: Final[dict[How, str]] = {
    "global": "global: every row is judged by models of strictly earlier rows",
    "user": "user: judged rows are strictly later than the same user's learnt ones; others' later rows are learnt from",
}


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark.

    Attributes:
        rows, positives: by part of the split.
        comparisons: our best model beside the best peer, by metric.
        verdict: the same as one sentence; None without one of ours and one peer.
    """

    data: str
    how: How
    histories: bool
    seeds: tuple[int, ...]
    rows: Mapping[str, int]
    positives: Mapping[str, int]
    notes: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    comparisons: tuple[Comparison, ...]
    verdict: str | None

    def write(self, path: Path) -> None:
        """Write the report as JSON."""
        path.write_text(json.dumps(self.content(), indent=2) + "\n", encoding="utf-8")

    def content(self) -> dict[str, Any]:
        """Lay the report out for JSON: every model with its mean, interval and values by metric."""
        return {
            "data": self.data,
            "split": self.how,
            "histories": self.histories,
            "seeds": list(self.seeds),
            "rows": dict(self.rows),
            "positives": dict(self.positives),
            "notes": list(self.notes),
            "models": [_model(outcome) for outcome in self.outcomes],
            "comparisons": [asdict(comparison) for comparison in self.comparisons],
            "verdict": self.verdict,
            "versions": {library: version(library) for library in LIBRARIES},
        }

    def table(self) -> str:
        """Lay the report out for a terminal."""
        rows = ", ".join(f"{name} {self.rows[name]} ({self.positives[name]} positive)" for name in self.rows)
        lines = [f"{self.data}, split {SPLITS[self.how]}", f"Rows: {rows}."]
        lines += [f"Histories are {'rolling: what was liked before each row' if self.histories else 'no features'}."]
        lines += self.notes
        header = ("model", *TITLES.values(), "rows/s", "fit s", "peak MiB")
        cells = [header, *(_cells(outcome) for outcome in self.outcomes if outcome.skipped is None)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
        lines += ["", *("  ".join(_pad(row, widths)).rstrip() for row in cells), ""]
        left = [outcome for outcome in self.outcomes if outcome.skipped]
        lines += [f"{one.model} {'failed' if one.failed else 'was left out'}: {one.skipped}." for one in left]
        lines.append("* ours. ± is half the 95 % interval of the mean over seeds (Student); — is not defined.")
        if self.verdict is not None:
            lines.append(self.verdict)
        return "\n".join(lines)


def report(
    log: Log,
    parts: Parts,
    test: Rows,
    outcomes: Sequence[Outcome],
    scores: Mapping[str, Scores],
    *,
    how: How,
    histories: bool,
    seeds: Sequence[int],
) -> Report:
    """Compare what came of all models."""
    comparisons = compare(outcomes, scores, test)
    return Report(
        data=log.name,
        how=how,
        histories=histories,
        seeds=tuple(seeds),
        rows={name: len(rows) for name, rows in zip(Parts._fields, parts, strict=True)},
        positives={name: int(log.labels[rows].sum()) for name, rows in zip(Parts._fields, parts, strict=True)},
        notes=log.notes,
        outcomes=tuple(outcomes),
        comparisons=comparisons,
        verdict=sentence(log.name, comparisons, [outcome.model for outcome in outcomes if outcome.failed]),
    )


def _model(outcome: Outcome) -> dict[str, Any]:
    content = asdict(outcome)
    for name in (*METRICS, *COLD, "rows_per_second", "seconds"):
        values = outcome.values(name)
        interval = over_seeds(values)
        content[name] = {
            "mean": float(np.mean(values)) if values else None,
            "interval": None if interval is None else list(interval),
        }
    return content


def _cells(outcome: Outcome) -> tuple[str, ...]:
    return (
        f"{outcome.model}{'*' if outcome.ours else ''}",
        *(_figure(outcome.values(metric)) for metric in TITLES),
        f"{np.mean(outcome.values('rows_per_second')):,.0f}",
        f"{np.mean(outcome.values('seconds')):.1f}",
        f"{outcome.peak_mib:,.0f}",
    )


def _figure(values: list[float]) -> str:
    if not values:
        return "—"
    interval = over_seeds(values)
    half = "" if interval is None else f" ± {(interval.high - interval.low) / 2:.4f}"
    return f"{np.mean(values):.4f}{half}"


def _pad(row: tuple[str, ...], widths: list[int]) -> list[str]:
    first, *others = zip(row, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
