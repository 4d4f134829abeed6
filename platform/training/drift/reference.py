"""How the data looked that a model learnt from: counts of words, kept with the model; they name nobody.

Only rows of plays are counted: an imported log was seen by other screens, and whoever serves nothing else yet has no
reference.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from recsys.features import Context, Item
from recsys.serving.protocol import RankerProtocol
from training.drift.embedding import PANEL, Cloud, cloud, embed

FEWEST_ROWS = 500
MOST_WORDS = 60
"""Words of a feature that are told apart; the rest are one."""
OTHER = "(other)"
NONE = "(none)"
WORDS = ("screen", "venue", "venue_category", "scene", "category", "hour", "weekday", "position", "party", "viewer")
OPTIONAL = ("advertiser", "viewer")
"""Features that may be absent by nature; for all others an absent word is missing."""
KNOWN, ANONYMOUS = "known", "anonymous"
MOST_ITEMS = 2000
MOST_CREATIVES = 5000
"""Creatives whose names are kept; of a larger catalogue none are, and unseen ones are not looked for."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a model is told about one play, beside the person: whether there is one is all that is kept of them."""

    creative: str
    category: str
    advertiser: str | None
    screen: str
    venue: str
    venue_category: str
    scene: str
    hour: int
    weekday: int
    position: int
    party: int
    known: bool

    def words(self) -> dict[str, str]:
        """Return the words that are counted, by feature."""
        told = {name: str(getattr(self, name)) for name in WORDS if name != "viewer"}
        return told | {"viewer": KNOWN if self.known else ANONYMOUS}


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts over rows.

    Attributes:
        words: how often each word of a feature occurred.
        missing: share of rows in which a feature was empty.
        creatives: how often each was on screen; empty when they were too many to keep.
        panel: situations to embed creatives by, empty when none was made.
        cloud: where the model places what was on screen, None without a panel.
    """

    rows: int
    words: Mapping[str, Mapping[str, int]]
    missing: Mapping[str, float]
    creatives: Mapping[str, int]
    panel: Sequence[Mapping[str, Any]] = field(default_factory=list)
    cloud: Cloud | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "rows": self.rows, "words": {name: dict(counts) for name, counts in self.words.items()},
            "missing": dict(self.missing), "creatives": dict(self.creatives), "panel": list(self.panel),
            "cloud": self.cloud.document() if self.cloud else None,
        }  # fmt: skip

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Profile | None":
        """Read what `document` returned; None when nothing was kept."""
        if not document:
            return None
        place = Cloud.read(document["cloud"]) if document["cloud"] else None
        return cls(
            document["rows"], document["words"], document["missing"], document["creatives"], document["panel"], place
        )


def profile(rows: Sequence[Row]) -> Profile:
    """Count rows."""
    told = [row.words() for row in rows]
    counts = {name: Counter(words[name] for words in told) for name in WORDS}
    missing = {
        name: sum(words[name] in ("", "None") for words in told) / max(len(told), 1)
        for name in WORDS
        if name not in OPTIONAL
    }
    creatives = Counter(row.creative for row in rows)
    return Profile(len(rows), {name: dict(found) for name, found in counts.items()}, missing, dict(creatives))


def reference(rows: Sequence[Row], ranker: RankerProtocol) -> dict[str, Any]:
    """Return what is kept with a model about the rows it learnt from, as JSON; empty when they are fewer than 500."""
    if len(rows) < FEWEST_ROWS:
        return {}
    counted = profile(rows)
    words = {name: shortened(counts) for name, counts in counted.words.items()}
    panel = _panel(rows)
    place = locate(ranker, panel, rows)
    creatives = counted.creatives if len(counted.creatives) <= MOST_CREATIVES else {}
    kept = Profile(counted.rows, words, counted.missing, creatives, panel, place)
    return kept.document()


def locate(ranker: RankerProtocol, panel: Sequence[Mapping[str, Any]], rows: Iterable[Row]) -> Cloud:
    """Return where a model places the creatives of rows, each as often as it was on screen; at most 2,000 of them."""
    often = Counter((row.creative, row.category, row.advertiser) for row in rows).most_common(MOST_ITEMS)
    items = [Item(creative, category, advertiser) for (creative, category, advertiser), _ in often]
    points = embed(ranker, [Context(**situation) for situation in panel], items)
    return cloud(points, np.array([count for _, count in often], dtype=np.float64))


def shortened(counts: Mapping[str, int], keep: Iterable[str] | None = None) -> dict[str, int]:
    """Return counts with rare words as one: all but the most frequent, or all but ``keep``."""
    kept = set(keep) if keep is not None else {word for word, _ in Counter(counts).most_common(MOST_WORDS)}
    short: Counter[str] = Counter()
    for word, count in counts.items():
        short[word if word in kept else OTHER] += count
    return dict(short)


def _panel(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the most frequent situations, each at another place or hour."""
    often = Counter((row.screen, row.venue, row.venue_category, row.scene, row.hour) for row in rows)
    return [
        asdict(Context(screen, venue, category, scene, hour, weekday=2, party=1))
        for (screen, venue, category, scene, hour), _ in sorted(often.most_common(PANEL))
    ]
