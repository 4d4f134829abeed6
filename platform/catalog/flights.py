"""Campaigns as arrays: which of them run now and can afford another play."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from catalog.models import Campaign, CampaignState
from catalog.selectors import Spending
from catalog.targeting import Targeting, parse_targeting

UNLIMITED = np.iinfo(np.int64).max
_NEVER = np.iinfo(np.int64).min
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class _Running:
    """Who may play from ``since`` to ``until``, microseconds since 1970, at one hour of the day."""

    since: int
    until: int
    may: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Flights:
    """The campaigns of an operator, place by place; money is in micros, times in microseconds since 1970.

    Attributes:
        places: each campaign's place in the arrays.
        active: bool, shape (C,): the state is active.
        starts, ends: int64, shape (C,): the flight, without its end.
        price, budget, daily: int64, shape (C,); ``UNLIMITED`` where there is no daily budget.
        cap: int64, shape (C,): most plays to one person a day; ``UNLIMITED`` where there is no cap.
        hours: bool, shape (C, 24): local hours the campaign wants.
        targeting: what else it wants, by place.
    """

    places: Mapping[UUID, int]
    active: NDArray[np.bool_]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    price: NDArray[np.int64]
    budget: NDArray[np.int64]
    daily: NDArray[np.int64]
    cap: NDArray[np.int64]
    hours: NDArray[np.bool_]
    targeting: tuple[Targeting, ...]
    _held: "dict[int, _Running]" = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.targeting)

    def open(self, at: datetime, hour: int, spent: Mapping[UUID, Spending]) -> NDArray[np.bool_]:
        """Return which campaigns may play now, shape (C + 1,); the last place is content, which always may.

        Args:
            hour: local hour at the screen, 0-23.
            spent: what each campaign has spent; missing ones have spent nothing.
        """
        may = self._running(microseconds(at), hour).copy()
        for campaign_id, (total, today) in spent.items():
            place = self.places.get(campaign_id)
            if place is not None and may[place]:
                left = min(int(self.budget[place]) - total, int(self.daily[place]) - today)
                may[place] = left >= self.price[place]
        return may

    def below_cap(self, shown: Mapping[UUID, int]) -> NDArray[np.bool_]:
        """Return which campaigns may be shown once more, shape (C + 1,); the last place is content, which always may.

        Args:
            shown: how often each campaign was shown today to the one of these people who saw it most.
        """
        times = _integers([shown.get(campaign_id, 0) for campaign_id in self.places])
        return _and_content(times < self.cap)

    def _running(self, now: int, hour: int) -> NDArray[np.bool_]:
        """Return which campaigns may play if none has spent anything; found once between two changes of that."""
        held = self._held.get(hour)
        if held is not None and held.since <= now < held.until:
            return held.may
        flying = self.active & (self.starts <= now) & (now < self.ends) & self.hours[:, hour]
        may = _and_content(flying & (np.minimum(self.budget, self.daily) >= self.price))
        turns = np.concatenate([self.starts, self.ends])
        since, until = turns[turns <= now].max(initial=_NEVER), turns[turns > now].min(initial=UNLIMITED)
        self._held[hour] = _Running(int(since), int(until), may)
        return may


def _and_content(campaigns: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add the place of content, which always may."""
    every = np.ones(len(campaigns) + 1, dtype=np.bool_)
    every[:-1] = campaigns
    return every


def flights_of(campaigns: Sequence[Campaign]) -> Flights:
    """Return campaigns as arrays."""
    targeting = tuple(parse_targeting(campaign.targeting) for campaign in campaigns)
    hours = np.zeros((len(campaigns), 24), dtype=np.bool_)
    for place, wanted in enumerate(targeting):
        hours[place, sorted(wanted.hours) or slice(None)] = True
    return Flights(
        places={campaign.id: place for place, campaign in enumerate(campaigns)},
        active=np.array([campaign.state == CampaignState.ACTIVE for campaign in campaigns], dtype=np.bool_),
        starts=_integers([microseconds(campaign.starts_at) for campaign in campaigns]),
        ends=_integers([microseconds(campaign.ends_at) for campaign in campaigns]),
        price=_integers([campaign.price_micros for campaign in campaigns]),
        budget=_integers([campaign.budget_micros for campaign in campaigns]),
        daily=_integers([campaign.daily_budget_micros or UNLIMITED for campaign in campaigns]),
        cap=_integers([campaign.cap_per_subject_per_day or UNLIMITED for campaign in campaigns]),
        hours=hours,
        targeting=targeting,
    )


def microseconds(at: datetime) -> int:
    """Return a time as microseconds since 1970, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _integers(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)
