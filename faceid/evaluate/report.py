"""What every evaluation's report holds, and how it is written down."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceid.evaluate.acquisition import Acquisition
from faceid.evaluate.intervals import Estimate, wilson
from faceid.evaluate.verification import Scores
from faceid.match import THRESHOLD_DEFAULT, THRESHOLD_LENIENT, THRESHOLD_PAIR, THRESHOLD_STRICT
from faceid.pipeline import Pipeline

DEFAULTS = {
    "lenient": THRESHOLD_LENIENT,
    "pair": THRESHOLD_PAIR,
    "default": THRESHOLD_DEFAULT,
    "strict": THRESHOLD_STRICT,
}

_MOST_POINTS = 1000
_BINS = np.linspace(-1.0, 1.0, 201)

Report = dict[str, Any]


def about(pipeline: Pipeline, evaluation: str, **settings: Any) -> Report:
    """Begin a report: what was evaluated, with which models, under which contract and settings."""
    return {
        "evaluation": evaluation,
        "contract": pipeline.contract().id,
        "models": asdict(pipeline.manifest),
        "settings": settings,
        "scores": "raw cosine",
    }


def failures(acquired: Acquisition, root: Path) -> Report:
    """Report the pictures that gave no embedding, by reason and by name relative to ``root``."""
    total = len(acquired.row_of)
    return {
        "pictures": total,
        "failed": len(acquired.failures),
        "rate": wilson(len(acquired.failures), total),
        "reasons": acquired.reasons(),
        "files": {_name(path, root): reason for path, reason in acquired.failures.items()},
        "counted_as": "matching nobody",
    }


def histogram(scores: Scores) -> Report:
    """Count finite scores in 200 bins of a hundredth between -1 and 1; failures are counted apart."""
    finite = scores[np.isfinite(scores)]
    counts = np.histogram(np.clip(finite, -1.0, 1.0), _BINS)[0]
    return {"edges": _BINS.round(4), "counts": counts, "without_score": len(scores) - len(finite)}


def sampled(*columns: Scores) -> list[Scores]:
    """Thin parallel columns of a curve to at most a thousand points, first and last kept."""
    length = len(columns[0])
    if length <= _MOST_POINTS:
        return list(columns)
    chosen = np.unique(np.linspace(0, length - 1, _MOST_POINTS).round().astype(np.int64))
    return [column[chosen] for column in columns]


def write(report: Mapping[str, Any], path: Path) -> None:
    """Write a report as indented JSON; figures that do not exist are null, never NaN."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain(report), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """Turn dataclasses, arrays, paths and numbers of numpy into what JSON knows; nan and infinities into None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(one) for name, one in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value.tolist()]
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def percent(estimate: Estimate) -> str:
    """Write an estimate for people: ``1.20 % [0.80, 1.90]``, or a dash where nothing was measured."""
    if not math.isfinite(estimate.value):
        return "-"
    return f"{100 * estimate.value:.2f} % [{100 * estimate.low:.2f}, {100 * estimate.high:.2f}]"


def cohort_lines(tables: list[Any], missed: str, admitted: str) -> list[str]:
    """Write cohort tables for people; one line per cohort, and how far apart worst and best are."""
    lines = []
    for table in tables:
        lines.append(f"by {table.column}: {missed}; {admitted}")
        for row in table.rows:
            few = "  (few people)" if row.few else ""
            lines.append(f"  {row.label:<24} {percent(row.missed)}; {percent(row.admitted)}; {row.people} people{few}")
        for name, gap in ((missed, table.missed), (admitted, table.admitted)):
            if gap is not None:
                ratio = f"{gap.ratio.value:.1f} [{gap.ratio.low:.1f}, {gap.ratio.high:.1f}]"
                lines.append(f"  {name}: {gap.worst} over {gap.best}: {ratio} times")
    return lines


def failure_line(acquired: Acquisition) -> str:
    """Write for people how many pictures gave no embedding, and why."""
    reasons = ", ".join(f"{reason} {count}" for reason, count in acquired.reasons().items()) or "none"
    return f"{len(acquired.row_of):,} pictures, {len(acquired.failures):,} without embedding ({reasons})"


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
