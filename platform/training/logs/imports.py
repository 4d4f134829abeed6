"""Import a published log for an operator: all of its lines or none, and none twice."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from django.db import transaction

import catalog.selectors
import events.services
import signage.selectors
from core.sealing import derive
from events.services import Interaction
from training.logs import ctr, movielens, openbandit, ratings
from training.logs.catalogue import Item, Place
from training.logs.catalogue import at as screens_at
from training.logs.mapping import Line, Mapping, creatives_for
from training.logs.table import Faults, Layout

Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of one source: how many of its lines could be mapped, and how many of those are new here.

    Attributes:
        faults: the lines that could not be read and were left out.
    """

    source: str
    mapped: int
    added: int
    faults: Faults | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What to import for whom.

    Attributes:
        source: under which name the lines are kept; every line is imported once under it.
        category: the creatives the log is mapped onto; empty for all.
        venues: the category of the venues whose screens the log is mapped onto; empty for all, or none if there is no
            screen.
        tolerant: whether bad lines are left out instead of refusing the file.
        rehearse: do everything, count it, and undo it.
    """

    operator_id: UUID
    source: str
    category: str = ""
    venues: str = ""
    tolerant: bool = False
    rehearse: bool = False

    def named(self, source: str) -> "Order":
        """Return the same order under another name."""
        return replace(self, source=source)


def _silent(rows: int) -> None:
    """Tell nobody."""


def import_ratings(
    order: Order, path: Path, *, layout: Layout, engaged: float = ratings.ENGAGED, tell: Tell = _silent
) -> Imported:
    """Import a file of ratings.

    Raises:
        LogUnusable: the file cannot be read, a line of it cannot, or there is nothing to map it onto.
        OtherLog: other lines are kept under the source's name.
    """
    faults = Faults(path.name, order.tolerant)
    rows = ratings.read_ratings(path, _mapping(order), layout=layout, engaged=engaged, faults=faults)
    return _store(order, rows, faults, tell)


def import_clicks(
    order: Order, path: Path, format: str, *, layout: Layout, clock: ctr.Clock, tell: Tell = _silent
) -> Imported:
    """Import a click log in the format of Criteo or Avazu.

    Raises:
        LogUnusable, OtherLog: as `import_ratings`.
    """
    faults = Faults(path.name, order.tolerant)
    rows = ctr.read_clicks(path, _mapping(order), format=format, layout=layout, clock=clock, faults=faults)
    return _store(order, rows, faults, tell)


def import_placements(order: Order, folder: Path, policy: str, campaign: str, *, tell: Tell = _silent) -> Imported:
    """Import what one policy of the Open Bandit Dataset showed in one campaign, with its propensities where exact.

    Raises:
        LogUnusable, OtherLog: as `import_ratings`.
    """
    creatives, places = creatives_for(_items(order.operator_id), order.category), _screens(order)
    faults = Faults(f"{policy}/{campaign}", order.tolerant)
    rows = openbandit.interactions(folder, policy, creatives, places, campaign=campaign, faults=faults)
    return _store(order, rows, faults, tell)


def import_movielens(*, operator_id: UUID, source: Path, tell: Tell = _silent) -> list[Imported]:
    """Import MovieLens-100k from the unpacked package recbole; lines that are here already stay as they are.

    Raises:
        LogUnusable: the log, the film creatives or the screens of an entertainment venue are not there.
    """
    rows = movielens.interactions(source, _items(operator_id), _places(operator_id), opaque)
    return [_store(Order(operator_id, movielens.SOURCE), rows, None, tell)]


def import_openbandit(*, operator_id: UUID, source: Path, tell: Tell = _silent) -> list[Imported]:
    """Import the Open Bandit Dataset from the unpacked package obp, one source for each of its policies.

    Raises:
        LogUnusable: the log, the fashion creatives or the screens of a retail venue are not there.
    """
    orders = {
        policy: Order(operator_id, openbandit.source_of(policy), openbandit.FAMILY, openbandit.VENUES)
        for policy in openbandit.POLICIES
    }
    return [
        import_placements(order, source, policy, openbandit.CAMPAIGN, tell=tell) for policy, order in orders.items()
    ]


Import = Callable[..., list[Imported]]
IMPORTS: dict[str, tuple[Import, str]] = {
    "movielens": (import_movielens, movielens.NOTICE),
    "openbandit": (import_openbandit, openbandit.NOTICE),
}
"""Each log's importer and the notice to print with it."""


def opaque(word: str) -> str:
    """Return a key from which nobody without this installation's master key can tell the word (keyed BLAKE2b)."""
    return hashlib.blake2b(word.encode(), key=derive("imported people"), digest_size=12).hexdigest()


def _mapping(order: Order) -> Callable[[Line], Interaction]:
    creatives = creatives_for(_items(order.operator_id), order.category)
    return Mapping(order.source, creatives, _screens(order), opaque).interaction


def _store(order: Order, rows: Iterable[Interaction], faults: Faults | None, tell: Tell) -> Imported:
    """Keep all rows that are not here yet; when rehearsing, count them and undo it."""
    mapped = 0

    def counted() -> Iterator[Interaction]:
        nonlocal mapped
        for row in rows:
            mapped += 1
            yield row

    with transaction.atomic():
        added = events.services.import_interactions(
            operator_id=order.operator_id, source=order.source, rows=counted(), tell=tell
        )
        if order.rehearse:
            transaction.set_rollback(True)
    return Imported(order.source, mapped, added, faults)


def _screens(order: Order) -> list[Place]:
    places = _places(order.operator_id)
    if order.venues:
        return screens_at(places, order.venues)
    return sorted(places, key=lambda place: (place.venue_category, place.name))


def _items(operator_id: UUID) -> list[Item]:
    found = catalog.selectors.creatives(operator_id=operator_id).filter(active=True)
    return [Item(creative.id, creative.category, creative.title) for creative in found]


def _places(operator_id: UUID) -> list[Place]:
    return [
        Place(
            screen.id, screen.venue.category, f"{screen.venue.name} {screen.name}",
            screen.default_scene.key if screen.default_scene else "",
        )
        for screen in signage.selectors.screens(operator_id=operator_id)
    ]  # fmt: skip
