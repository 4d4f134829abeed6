"""Import a published log for an operator."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import catalog.selectors
import events.services
import signage.selectors
from core.sealing import derive
from events.services import Interaction
from training.logs import movielens, openbandit
from training.logs.catalogue import Item, Place


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of one source: how many of its lines could be mapped, and how many of those are new here."""

    source: str
    mapped: int
    added: int


def import_movielens(*, operator_id: UUID, source: Path) -> list[Imported]:
    """Import MovieLens-100k from the unpacked package recbole; lines that are here already stay as they are.

    Raises:
        LogUnusable: the log, the film creatives or the screens of an entertainment venue are not there.
    """
    rows = movielens.interactions(source, _items(operator_id), _places(operator_id), opaque)
    return [_import(operator_id, movielens.SOURCE, rows)]


def import_openbandit(*, operator_id: UUID, source: Path) -> list[Imported]:
    """Import the Open Bandit Dataset from the unpacked package obp, one source for each of its policies.

    Raises:
        LogUnusable: the log, the fashion creatives or the screens of a retail venue are not there.
    """
    items, places = _items(operator_id), _places(operator_id)
    return [
        _import(operator_id, openbandit.source_of(policy), openbandit.interactions(source, policy, items, places))
        for policy in openbandit.POLICIES
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


def _import(operator_id: UUID, source: str, rows: Iterator[Interaction]) -> Imported:
    mapped = list(rows)
    added = events.services.import_interactions(operator_id=operator_id, source=source, rows=mapped)
    return Imported(source, len(mapped), added)


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
