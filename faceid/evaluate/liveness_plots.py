"""Drawing reports of liveness. Needs matplotlib, which only development and training installations have."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceid.evaluate.liveness_report import COHORT_RATES
from faceid.evaluate.plots import cohort_rates
from faceid.evaluate.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (7.0, 5.0)
_DOTS = 110
_FLOOR = 1e-3


def draw(report: Report, folder: Path) -> list[Path]:
    """Draw BPCER over APCER, the histograms of scores, the reliability and the cohort tables; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {"det.png": _trade_off, "scores.png": _histograms, "reliability.png": _reliability}
    written = [_drawn(report, drawing, folder / name) for name, drawing in drawings.items()]
    return written + cohort_rates(folder, report["cohorts"] or [], COHORT_RATES)


def _drawn(report: Report, drawing: "Callable[[Axes, Report], None]", path: Path) -> Path:
    from matplotlib.figure import Figure  # an own figure draws with Agg and leaves no global state behind

    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    drawing(axes, report)
    if report["synthetic_species"]:
        figure.suptitle(f"made by code: {', '.join(report['synthetic_species'])}", fontsize=8)
    figure.savefig(path, dpi=_DOTS)
    return path


def _trade_off(axes: "Axes", report: Report) -> None:
    if report["curve"] is not None:
        apcer, bpcer = (np.maximum(report["curve"][name], _FLOOR) for name in ("apcer", "bpcer"))
        axes.loglog(apcer, bpcer, drawstyle="steps-post")
    axes.set(xlabel="APCER of the worst species", ylabel="BPCER", xlim=(_FLOOR, 1), ylim=(_FLOOR, 1))


def _histograms(axes: "Axes", report: Report) -> None:
    edges = report["histograms"]["edges"]
    for name in (name for name in report["histograms"] if name != "edges"):
        counts = np.asarray(report["histograms"][name], dtype=np.float64)
        axes.stairs(counts / max(counts.sum(), 1.0), edges, label=name)
    for purpose, point in report["operating_points"].items():
        axes.axvline(point["threshold"], color="grey", linestyle="--", label=purpose)
    axes.set(xlabel="probability of a living person", ylabel="share of presentations", xlim=(0, 1))
    axes.legend()


def _reliability(axes: "Axes", report: Report) -> None:
    rows = report["reliability"]["bins"]
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--")
    axes.plot([row["score"] for row in rows], [row["live"] for row in rows], marker="o")
    axes.set(xlabel="score", ylabel="share of living people, weighed as attacks are", xlim=(0, 1), ylim=(0, 1))
