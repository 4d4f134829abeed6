"""What came of a play, as the labels of training."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from events.engagement import CONVERSION_WINDOW, is_attributed
from events.models import Kind

VIEW_SECONDS = 1.0
"""Dwell or attention of one continuous second is a view (MRC viewable impressions, display)."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One valid engagement with a choice, as far as it had been reported."""

    kind: str
    value: float
    positive: bool
    at: datetime


class Labels(NamedTuple):
    """The labels of one play; None where nobody can tell.

    Attributes:
        label: 1 when anything counts as engagement (``events.engagement.is_positive``).
        view: 1 when somebody looked for `VIEW_SECONDS`; None at a screen that measured nobody on that day.
        dwell_seconds: the longest dwell, 0 when there was none; None as for ``view``.
        touch, scan: 1 when somebody did.
        conversion: 1 when there was one, 0 when its window has passed without, None before that.
    """

    label: int
    view: int | None
    dwell_seconds: float | None
    touch: int
    scan: int
    conversion: int | None

    def columns(self) -> dict[str, Any]:
        """Return them by the columns of ``recsys.training.dataset.SCHEMA``."""
        return self._asdict()


UNKNOWN: dict[str, None] = dict.fromkeys(("view", "dwell_seconds", "touch", "scan", "conversion"))
"""The labels of single tasks in a log that knows only whether somebody engaged."""


def labels_of(began: datetime, deeds: Sequence[Deed], *, until: datetime, measured: bool) -> Labels:
    """Return what came of a play that began at ``began``.

    Args:
        deeds: engagements with its choice; those outside the window of their kind are left out here.
        until: what was reported later is not known.
        measured: whether the screen measured dwell or attention on that day at all.
    """
    mine = [deed for deed in deeds if is_attributed(deed.kind, began, deed.at)]
    kinds = {deed.kind for deed in mine}
    looks = [deed.value for deed in mine if deed.kind in (Kind.DWELL, Kind.ATTENTION)]
    dwells = [deed.value for deed in mine if deed.kind == Kind.DWELL]
    decided = Kind.CONVERSION in kinds or began + CONVERSION_WINDOW <= until
    return Labels(
        label=int(any(deed.positive for deed in mine)),
        view=int(max(looks, default=0.0) >= VIEW_SECONDS) if measured else None,
        dwell_seconds=max(dwells, default=0.0) if measured else None,
        touch=int(Kind.TOUCH in kinds),
        scan=int(Kind.SCAN in kinds),
        conversion=int(Kind.CONVERSION in kinds) if decided else None,
    )
