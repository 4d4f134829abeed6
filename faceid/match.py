"""Deciding whose template a probe is nearest to, whatever engine searches."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

THRESHOLD_LENIENT = 0.363
"""Cosine at which about one impostor comparison in 1,000 passes (SFace, LFW)."""

THRESHOLD_PAIR = 0.415
"""Cosine at which about one impostor comparison in 10,000 passes (SFace, LFW): enough to compare two pictures."""

THRESHOLD_DEFAULT = 0.44
"""Cosine at which, with the margin, fewer than one stranger in a hundred is named among 305 people (SFace, LFW: .8 % on
average, .2 to 1.5 % in 19 of 20 draws). A larger gallery needs more: calibrate."""

THRESHOLD_STRICT = 0.465
"""Cosine at which about one impostor comparison in 100,000 passes; 93.8 % of genuine ones do (SFace, LFW)."""

IMPOSTOR_MARGIN = 0.05
"""How far the best subject must lie above the second best; nearer than that, nobody is recognised."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One template in a gallery.

    Attributes:
        key: id of the template.
        subject: id of the subject it belongs to; a subject may have several templates.
        vector: unit vector, float32, shape (dimension,).
        valid_until: aware time at which the consent ends; at that moment it no longer matches. None: no end.
        venues: ids of the venues the consent covers. None: every venue of the operator.
    """

    key: str
    subject: str
    vector: NDArray[np.float32] = field(repr=False, compare=False)
    valid_until: datetime | None = None
    venues: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """One subject near a probe.

    Attributes:
        key: id of the subject's nearest template.
        subject: id of the subject.
        score: cosine, -1 to 1.
    """

    key: str
    subject: str
    score: float


class SearchEngine(Protocol):
    """Anything that finds the nearest templates among those whose consent is live, here and now."""

    def nearest(
        self, probes: NDArray[np.float32], *, k: int, threshold: float, at: datetime, venue: str
    ) -> list[list[Match]]:
        """Find the subjects nearest to each probe.

        Args:
            probes: unit vectors, float32, shape (n, dimension).
            k: subjects per probe at most.
            threshold: least cosine.
            at: aware time; consents that ended by then do not match.
            venue: id of the venue where the probes were taken.

        Returns:
            Per probe, best first, each subject once with its nearest template.
        """
        ...


def identify(
    engine: SearchEngine,
    probes: NDArray[np.float32],
    *,
    at: datetime,
    venue: str,
    threshold: float = THRESHOLD_DEFAULT,
    margin: float = IMPOSTOR_MARGIN,
) -> list[Match | None]:
    """Name the subject each probe shows, or None where nobody is near enough or two are nearly as near.

    Args:
        engine, probes, at, venue: see :meth:`SearchEngine.nearest`.
        threshold: least cosine of the best subject.
        margin: least distance in cosine between the best and the second-best subject.
    """
    # Asking below the threshold lets a near miss of somebody else veto an uncertain hit.
    found = engine.nearest(probes, k=2, threshold=threshold - margin, at=at, venue=venue)
    return [_winner(matches, threshold, margin) for matches in found]


def cosine(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compare unit vectors pairwise.

    Args:
        first: float32, shape (n, dimension) or (dimension,).
        second: float32, shape (m, dimension) or (dimension,).

    Returns:
        Cosines, -1 to 1, shape (n, m) with the axes of single vectors left out.
    """
    product: NDArray[np.float32] = np.asarray(first @ second.T, dtype=np.float32)
    return np.clip(product, -1.0, 1.0)


def _winner(matches: Sequence[Match], threshold: float, margin: float) -> Match | None:
    if not matches or matches[0].score < threshold:
        return None
    if len(matches) > 1 and matches[0].score - matches[1].score < margin:
        return None
    return matches[0]
