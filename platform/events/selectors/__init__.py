"""Read plays and engagements: for training, for the console, for those who ask what is kept."""

from events.selectors.examples import examples
from events.selectors.overview import Hour, NowPlaying, Overview, now_playing, overview
from events.selectors.people import traces
from events.selectors.traffic import Traffic, staff_period, traffic

__all__ = [
    "Hour", "NowPlaying", "Overview", "Traffic", "examples", "now_playing", "overview", "staff_period", "traces",
    "traffic",
]  # fmt: skip
