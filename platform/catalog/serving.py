"""The catalogue in memory: what may be shown here and now, decided by boolean masks without a query per candidate.

Budgets. A candidate is eligible only while another play of it fits into what is left of its campaign's budget, total
and daily (UTC days). Plays are booked when they are reported, so going by booked plays alone a campaign could be
overspent by (open leases that hold it) x (its places in a slate) x (its price); whoever decides therefore adds open
leases to ``spent``. Leases last seconds, and what plays offline is content, which costs nothing.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from catalog import selectors
from catalog.categories import lineage
from catalog.flights import Flights, flights_of
from catalog.looks import looks_of
from catalog.models import Creative
from catalog.offers import Offer, is_released, offer_of
from catalog.selectors import Spending
from catalog.storage import media_path
from catalog.targeting import Targeting
from core.epochs import Topic
from recsys.features import Candidates, encode_items

logger = logging.getLogger(__name__)

Mask = NDArray[np.bool_]
_MOST_PLACEMENTS = 512
_MOST_CHOSEN = 64
"""Of 10,000 creatives half a megabyte each."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where something is to be shown, and what the scene's policy says about it.

    Attributes:
        scene: key of the scene.
        venue_category: OpenOOH slug of the venue.
        allowed_categories: the only categories shown; None allows all that are not denied.
        denied_categories: never shown; a parent stands for all below it.
        denied_when_paid: shown as content only.
        minimum_ages: pairs of a category and the age its audience must have reached.
        paid_allowed: whether campaigns may play at all.
        assured_age: age that everybody here has reached, vouched for by the venue; 0 when nobody vouches.
    """

    scene: str
    venue_category: str
    allowed_categories: frozenset[str] | None = None
    denied_categories: frozenset[str] = frozenset()
    denied_when_paid: frozenset[str] = frozenset()
    minimum_ages: tuple[tuple[str, int], ...] = ()
    paid_allowed: bool = True
    assured_age: int = 0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """An operator's creatives at one version of the catalogue; shared between threads and never changed.

    Attributes:
        offers: the creatives, length N.
        candidates: the same, encoded for ranking, with what they look like.
        servable: bool, shape (N,): approved, switched on, and the media file is there.
        personal: bool, shape (N,).
        paid: bool, shape (N,).
        minimum_age: int16, shape (N,): years, 0 for none.
        campaign: intp, shape (N,): place of the campaign in ``flights``, its length for content.
        price_micros: int64, shape (N,).
        priority: int16, shape (N,): 1-10, 0 for content.
    """

    version: int
    offers: tuple[Offer, ...]
    candidates: Candidates
    servable: Mask
    personal: Mask
    paid: Mask
    minimum_age: NDArray[np.int16]
    campaign: NDArray[np.intp]
    price_micros: NDArray[np.int64]
    priority: NDArray[np.int16]
    flights: Flights
    _fits: dict[Placement, Mask] = field(default_factory=dict, repr=False, compare=False)
    _chosen: "dict[bytes, Eligible]" = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.offers)

    def fits(self, placement: Placement) -> Mask:
        """Return which offers may ever be shown at a placement, whatever the hour: bool, shape (N,)."""
        held = self._fits.get(placement)
        if held is None:
            if len(self._fits) >= _MOST_PLACEMENTS:
                self._fits.clear()
            held = self._fits[placement] = _fits(self, placement)
        return held

    def eligible(self, mask: Mask) -> "Eligible":
        """Return the offers for which ``mask``, shape (N,), is true; decisions alike share one answer."""
        key = mask.tobytes()
        held = self._chosen.get(key)
        if held is None:
            if len(self._chosen) >= _MOST_CHOSEN:
                self._chosen.clear()
            held = self._chosen[key] = Eligible(self, np.flatnonzero(mask))
        return held

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Return each creative's place by its public id."""
        return {offer.public_id: place for place, offer in enumerate(self.offers)}


@dataclass(frozen=True, eq=False)
class Eligible:
    """What may be shown here and now; shared between decisions, so its arrays are only read.

    Attributes:
        indices: intp, shape (M,): places in the snapshot, ascending.
    """

    snapshot: Snapshot
    indices: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.indices)

    @cached_property
    def candidates(self) -> Candidates:
        """The candidates for ranking, in the order of ``indices``."""
        if len(self.indices) == len(self.snapshot):  # ascending, so all of them in their order
            return self.snapshot.candidates
        return self.snapshot.candidates.take(self.indices)

    @property
    def offers(self) -> list[Offer]:
        """The offers, in the order of ``indices``."""
        return [self.snapshot.offers[place] for place in self.indices.tolist()]

    @cached_property
    def price_micros(self) -> NDArray[np.int64]:
        """Price of one play, shape (M,); 0 for content."""
        return self.snapshot.price_micros[self.indices]

    @cached_property
    def priority(self) -> NDArray[np.int16]:
        """Priority of the campaign, shape (M,); 0 for content."""
        return self.snapshot.priority[self.indices]

    @cached_property
    def campaign(self) -> NDArray[np.intp]:
        """Place of each one's campaign among the flights, shape (M,); their number for content."""
        return self.snapshot.campaign[self.indices]

    @cached_property
    def personal(self) -> Mask:
        """Whether each is meant for one person, shape (M,)."""
        return self.snapshot.personal[self.indices]

    @cached_property
    def paid(self) -> Mask:
        """Whether a campaign pays for each, shape (M,)."""
        return self.snapshot.paid[self.indices]

    def offer(self, position: int) -> Offer:
        """Return the offer at a position of ``indices``."""
        return self.snapshot.offers[int(self.indices[position])]

    def where(self, mask: Mask) -> "Eligible":
        """Keep those for which ``mask``, shape (M,), is true."""
        every = np.zeros(len(self.snapshot), dtype=np.bool_)
        every[self.indices[mask]] = True
        return self.snapshot.eligible(every)


_held: dict[UUID, Snapshot] = {}


def snapshot(operator_id: UUID, versions: Mapping[str, int]) -> Snapshot:
    """Return an operator's catalogue; one query after a change, none otherwise.

    Args:
        versions: ``core.epochs.versions`` of the operator, read once per request.
    """
    version = versions.get(Topic.CATALOG, 0)
    held = _held.get(operator_id)
    if held is None or held.version != version:
        # Two threads may build at once; both copies are true, and whichever is kept is compared again next time.
        held = build(version, list(selectors.creatives(operator_id=operator_id).order_by("id")))
        _held[operator_id] = held
    return held


def eligible(
    snapshot: Snapshot,
    placement: Placement,
    *,
    at: datetime,
    timezone: str,
    spent: Mapping[UUID, Spending],
    personal_allowed: bool,
) -> Eligible:
    """Return what may be shown at a placement at a time.

    Args:
        timezone: IANA name; hours of targeting are the venue's.
        spent: ``catalog.selectors.spent`` of the operator.
        personal_allowed: whether creatives meant for one person may be shown to whoever stands there.
    """
    hour = at.astimezone(ZoneInfo(timezone)).hour
    mask = snapshot.fits(placement) & snapshot.flights.open(at, hour, spent)[snapshot.campaign]
    if not personal_allowed:
        mask &= ~snapshot.personal
    return snapshot.eligible(mask)


def build(version: int, creatives: Sequence[Creative]) -> Snapshot:
    """Return creatives, loaded with campaign, advertiser and media, as arrays."""
    offers = tuple(offer_of(creative) for creative in creatives)
    campaigns = {creative.campaign.id: creative.campaign for creative in creatives if creative.campaign}
    flights = flights_of(list(campaigns.values()))
    places = [flights.places[offer.campaign_id] if offer.campaign_id else len(flights) for offer in offers]
    there = _present({offer.sha256 for offer in offers if offer.sha256})
    servable = [
        is_released(creative) and offer.sha256 in there for creative, offer in zip(creatives, offers, strict=True)
    ]
    return Snapshot(
        version=version,
        offers=offers,
        candidates=encode_items([offer.item for offer in offers], looks=looks_of(creatives)),
        servable=np.array(servable, dtype=np.bool_),
        personal=np.array([offer.personal for offer in offers], dtype=np.bool_),
        paid=np.array([offer.paid for offer in offers], dtype=np.bool_),
        minimum_age=np.array([offer.minimum_age for offer in offers], dtype=np.int16),
        campaign=np.array(places, dtype=np.intp),
        price_micros=np.array([offer.price_micros for offer in offers], dtype=np.int64),
        priority=np.array([offer.priority for offer in offers], dtype=np.int16),
        flights=flights,
    )


def _present(digests: set[str]) -> set[str]:
    there = {digest for digest in digests if media_path(digest).is_file()}
    if len(there) < len(digests):
        logger.warning("%d media files are missing; their creatives are not shown.", len(digests) - len(there))
    return there


def _fits(snapshot: Snapshot, placement: Placement) -> Mask:
    wanted = [_wants(targeting, placement) for targeting in snapshot.flights.targeting]
    targeted = np.array([*wanted, True], dtype=np.bool_)[snapshot.campaign]
    lines = [frozenset(lineage(offer.category)) for offer in snapshot.offers]
    denied = _named(lines, placement.denied_categories) | (snapshot.paid & _named(lines, placement.denied_when_paid))
    allowed = ~denied if placement.allowed_categories is None else ~denied & _named(lines, placement.allowed_categories)
    gates = [max((age for gate, age in placement.minimum_ages if gate in line), default=0) for line in lines]
    old_enough = np.maximum(snapshot.minimum_age, np.array(gates, dtype=np.int16)) <= placement.assured_age
    payable = ~snapshot.paid if not placement.paid_allowed else np.ones(len(snapshot), dtype=np.bool_)
    return snapshot.servable & targeted & allowed & old_enough & payable


def _named(lines: Sequence[frozenset[str]], categories: frozenset[str]) -> Mask:
    return np.array([not line.isdisjoint(categories) for line in lines], dtype=np.bool_)


def _wants(targeting: Targeting, placement: Placement) -> bool:
    venue = not targeting.venue_categories or not targeting.venue_categories.isdisjoint(
        lineage(placement.venue_category)
    )
    scene = not targeting.scenes or placement.scene in targeting.scenes
    return venue and scene
