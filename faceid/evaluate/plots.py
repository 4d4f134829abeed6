"""Drawing reports as pictures. Needs matplotlib, which only development and training installations have."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faceid.evaluate.cohort_rates import RateTable, titled
from faceid.evaluate.cohorts import Table
from faceid.evaluate.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE = (7.0, 5.0)
_DOTS = 110
_FLOOR = 1e-5


def verification(report: Report, folder: Path) -> list[Path]:
    """Draw the DET curve, the score histograms and the cohort tables of a verification; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    curve, point = report["curve"], report["operating_point"]
    written = [
        _trade_off(folder / "det.png", (curve["fmr"], "false match rate"), (curve["fnmr"], "false non-match rate"),
                   (point["fmr"].value, point["fnmr"].value), f"cosine {point['threshold']:.3f}"),
        _histograms(folder / "scores.png", report["histograms"], point["threshold"]),
    ]  # fmt: skip
    return written + _cohorts(folder, report["cohorts"] or [], "FNMR", "FMR")


def identification(report: Report, folder: Path) -> list[Path]:
    """Draw FNIR over FPIR, both over the threshold, CMC, score histograms and cohort tables; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    curve, point = report["curve"], report["operating_point"]
    written = [
        _trade_off(folder / "fnir_fpir.png", (curve["fpir"], "FPIR"), (curve["fnir"], "FNIR"),
                   (point["fpir"].value, point["fnir"].value), f"cosine {point['threshold']:.3f}"),
        _over_threshold(folder / "thresholds.png", curve, point["threshold"]),
        _cmc(folder / "cmc.png", report["cumulative_match"]),
        _histograms(folder / "scores.png", report["histograms"], point["threshold"]),
    ]  # fmt: skip
    return written + _cohorts(folder, report["cohorts"] or [], "FNIR", "FPIR")


def detection(report: Report, folder: Path) -> list[Path]:
    """Draw precision over recall, the histograms of scores and the cohort tables; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = _figure()
    axes.plot(report["curve"]["recall"], report["curve"]["precision"], drawstyle="steps-post")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.01))
    axes.set_title(f"average precision {report['average_precision']:.4f} at overlap {report['overlap']}")
    written = [
        _saved(figure, folder / "precision_recall.png"),
        _histograms(folder / "scores.png", report["histograms"], report["threshold"], ("score", 0.0)),
    ]
    return written + cohort_rates(folder, report["cohorts"] or [], {"recall": "recall", "missed": "missed"})


def cohort_rates(folder: Path, tables: Sequence[RateTable], names: Mapping[str, str]) -> list[Path]:
    """Draw each table of rates by cohort with the rates that ``names`` names; return the files."""
    return [_rates(folder / f"cohorts_{number}.png", table, names) for number, table in enumerate(tables, 1)]


Column = tuple[NDArray[np.float64], str]


def _trade_off(path: Path, across: Column, up: Column, point: tuple[float, float], name: str) -> Path:
    """Draw two error rates against each other, both logarithmic (a DET curve in the manner of NIST's reports)."""
    figure, axes = _figure()
    left, bottom = _least(across[0], point[0]), _least(up[0], point[1])
    axes.plot(np.maximum(across[0], _FLOOR / 10), np.maximum(up[0], _FLOOR / 10), drawstyle="steps-post")
    axes.plot([max(point[0], left)], [max(point[1], bottom)], "o", label=name, clip_on=False)
    axes.set(xscale="log", yscale="log", xlabel=across[1], ylabel=up[1])
    axes.set(xlim=(left, 1), ylim=(bottom, 1))
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    return _saved(figure, path)


def _least(rates: NDArray[np.float64], rate: float) -> float:
    """Return the power of ten below every rate that is not 0: an axis that begins there shows the whole curve."""
    positive = [float(one) for one in (*rates, rate) if one > 0]
    return max(_FLOOR, float(10 ** np.floor(np.log10(min(positive, default=0.1)) - 0.1)))


def _over_threshold(path: Path, curve: Report, threshold: float) -> Path:
    figure, axes = _figure()
    for rate in ("fpir", "fnir"):
        axes.plot(curve["thresholds"], curve[rate], label=rate.upper(), drawstyle="steps-pre")
    axes.axvline(threshold, color="grey", linestyle="--", label="threshold")
    axes.set(xlabel="threshold (raw cosine)", ylabel="rate", ylim=(0, 1.01))
    axes.set_title(f"margin {curve['margin']:.2f}")
    axes.legend()
    return _saved(figure, path)


def _cmc(path: Path, shares: NDArray[np.float64]) -> Path:
    figure, axes = _figure()
    axes.plot(np.arange(1, len(shares) + 1), shares, marker="o", markersize=3)
    axes.set(xlabel="rank", ylabel="share of enrolled people found by that rank", ylim=(min(0.9, shares[0]), 1.005))
    return _saved(figure, path)


def _histograms(
    path: Path, histograms: Report, threshold: float, across: tuple[str, float] = ("raw cosine", -0.5)
) -> Path:
    figure, axes = _figure()
    for name, one in histograms.items():
        counts = np.asarray(one["counts"], dtype=np.float64)
        axes.stairs(counts / max(counts.sum(), 1.0), one["edges"], fill=True, alpha=0.5, label=name.replace("_", " "))
    axes.axvline(threshold, color="grey", linestyle="--", label="threshold")
    axes.set(xlabel=across[0], ylabel="share of scores", xlim=(across[1], 1))
    axes.legend()
    return _saved(figure, path)


def _cohorts(folder: Path, tables: Sequence[Table], missed: str, admitted: str) -> list[Path]:
    return [_table(folder / f"cohorts_{number}.png", table, missed, admitted) for number, table in enumerate(tables, 1)]


def _table(path: Path, table: Table, missed: str, admitted: str) -> Path:
    cells = [
        [row.label + (" (few)" if row.few else ""), str(row.people), _cell(row.missed), str(row.missed.trials),
         _cell(row.admitted), str(row.admitted.trials)]
        for row in table.rows
    ]  # fmt: skip
    head = ["cohort", "people", missed, "trials", admitted, "trials"]
    return _written(path, table.column, head, cells)


def _rates(path: Path, table: RateTable, names: Mapping[str, str]) -> Path:
    cells = [
        [row.label + (" (few)" if row.few else ""), str(row.count)]
        + [text for name in names for text in (_cell(row.rates[name]), str(row.rates[name].trials))]
        for row in table.rows
    ]
    head = ["cohort", table.counted, *(text for name in names.values() for text in (name, "trials"))]
    return _written(path, titled(table), head, cells)


def _written(path: Path, title: str, head: list[str], cells: list[list[str]]) -> Path:
    """Write a table as a picture: the cohort, how many, and pairs of a rate and its trials."""
    pairs = (len(head) - 2) // 2
    figure, axes = _figure(height=1.4 + 0.32 * len(cells), width=4.4 + 3.3 * pairs)
    axes.axis("off")
    axes.set_title(f"by {title}")
    widths = np.array([0.24, 0.09] + [0.24, 0.1] * pairs)
    drawn = axes.table(cells, colLabels=head, loc="upper center", colWidths=(widths / widths.sum()).tolist())
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    return _saved(figure, path)


def _cell(estimate: Any) -> str:
    if not math.isfinite(estimate.value):
        return "-"
    return f"{100 * estimate.value:.2f} % [{100 * estimate.low:.2f}, {100 * estimate.high:.2f}]"


def _figure(width: float = _SIZE[0], height: float = _SIZE[1]) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure  # an own figure draws with Agg and leaves no global state behind

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _saved(figure: "Figure", path: Path) -> Path:
    figure.savefig(path, dpi=_DOTS)
    return path
