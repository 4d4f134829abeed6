"""What the charts show, as ECharts options; ``<vitrine-chart>`` draws them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

GRID = {"left": 44, "right": 12, "top": 36, "bottom": 28}
TEAL, AMBER, SLATE = "#0f6b6b", "#e0a100", "#94a3b8"
Option = dict[str, Any]


class Hour(Protocol):
    """One hour of activity."""

    @property
    def start(self) -> datetime:
        """When it began."""

    @property
    def decisions(self) -> int:
        """Decisions made in it."""

    @property
    def plays(self) -> int:
        """Plays begun in it."""

    @property
    def engaged(self) -> int:
        """Plays of it that somebody engaged with."""


class Version(Protocol):
    """One model version with what the gate measured."""

    @property
    def trained_at(self) -> datetime:
        """When it was trained."""

    @property
    def metrics(self) -> dict[str, Any]:
        """Figures by name."""


def activity(hours: Sequence[Hour]) -> Option:
    """Return decisions, plays and engagements by hour (UTC)."""
    return {
        "tooltip": _tooltip(),
        "legend": {"top": 0, "left": 0, "itemWidth": 12, "itemHeight": 8},
        "grid": GRID,
        "xAxis": {"type": "category", "data": [f"{hour.start:%H:%M}" for hour in hours], "axisTick": {"show": False}},
        "yAxis": {"type": "value", "minInterval": 1, "splitLine": {"lineStyle": {"color": "#e6e8eb"}}},
        "series": [
            _bars("Decisions", SLATE, [hour.decisions for hour in hours]),
            _bars("Plays", TEAL, [hour.plays for hour in hours]),
            _bars("Engagements", AMBER, [hour.engaged for hour in hours]),
        ],
    }


def quality(versions: Sequence[Version]) -> Option:
    """Return AUC and log loss by version, oldest first; on different rows, so the trend counts, not the digits."""
    ordered = sorted(versions, key=lambda version: version.trained_at)
    return {
        "tooltip": _tooltip(),
        "legend": {"top": 0, "left": "center", "itemWidth": 14, "itemHeight": 8},
        "grid": GRID | {"right": 48},
        "xAxis": {"type": "category", "data": [f"{version.trained_at:%d %b %H:%M}" for version in ordered]},
        "yAxis": [
            {"type": "value", "name": "AUC", "scale": True, "splitLine": {"lineStyle": {"color": "#e6e8eb"}}},
            {"type": "value", "name": "log loss", "scale": True, "splitLine": {"show": False}},
        ],
        "series": [
            _line("AUC", TEAL, 0, [figure(version, "auc") for version in ordered]),
            _line("Log loss", AMBER, 1, [figure(version, "log_loss") for version in ordered]),
        ],
    }


def figure(version: Version, name: str) -> float | None:
    """Return one figure of the test rows, None when it was not measured."""
    measured = version.metrics.get("test", version.metrics)
    value = measured.get(name) if isinstance(measured, dict) else None
    return round(float(value), 4) if isinstance(value, int | float) else None


def _tooltip() -> Option:
    # Drawn on the canvas: the default tooltip is HTML with inline styles, which the pages' policy forbids.
    return {"trigger": "axis", "renderMode": "richText", "axisPointer": {"type": "line"}}


def _bars(name: str, colour: str, values: list[int]) -> Option:
    return {
        "type": "bar",
        "name": name,
        "data": values,
        "itemStyle": {"color": colour},
        "barMaxWidth": 14,
        "barGap": "10%",
    }


def _line(name: str, colour: str, axis: int, values: list[float | None]) -> Option:
    style = {"itemStyle": {"color": colour}, "lineStyle": {"color": colour, "width": 2}, "symbolSize": 7}
    return {"type": "line", "name": name, "yAxisIndex": axis, "data": values} | style
