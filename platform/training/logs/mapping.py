"""Lines of anybody's log, mapped onto an operator's creatives and screens: stable, and the same on every machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from events.services import Interaction
from training.logs.catalogue import Item, LogUnusable, Place, spread
from training.logs.table import BadLine

LONGEST_WORD = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log, read.

    Attributes:
        sequence: its number within the log, from 1.
        item: key of what was shown.
        person: the log's own key of somebody, empty when it names nobody.
        category: of the item, in the catalogue's words; empty when the log has none.
    """

    sequence: int
    item: str
    at: datetime
    label: bool
    person: str = ""
    position: int = 0
    category: str = ""


@dataclass(slots=True)
class Mapping:
    """Puts lines onto creatives and screens by a stable hash of the item's key and of the line's number.

    Attributes:
        opaque: makes a key of a person from which nobody can tell who they were in the log.
    """

    source: str
    creatives: Sequence[Item]
    places: Sequence[Place]
    opaque: Callable[[str], str]
    _people: dict[str, str] = field(default_factory=dict)
    _items: dict[tuple[str, str], Item] = field(default_factory=dict)

    def interaction(self, line: Line) -> Interaction:
        """Return a line as an interaction with a creative.

        Raises:
            BadLine: no creative is of the item's category.
        """
        place = spread(f"{self.source} {line.sequence}", self.places) if self.places else None
        return Interaction(
            sequence=line.sequence, creative_id=self._item(line).id, at=line.at, label=line.label,
            person=self._person(line.person), position=line.position,
            screen_id=place.screen_id if place else None, scene=place.scene if place else "",
        )  # fmt: skip

    def _item(self, line: Line) -> Item:
        key = (line.category, line.item)
        if key not in self._items:
            related = within(self.creatives, line.category) if line.category else self.creatives
            if not related:
                raise BadLine(f"the catalogue has no creative of the category {line.category[:60]!r}")
            self._items[key] = spread(f"{self.source} {line.item}", related)
        return self._items[key]

    def _person(self, person: str) -> str:
        if person and person not in self._people:
            self._people[person] = self.opaque(f"{self.source} {person}")
        return self._people[person] if person else ""


def within(items: Sequence[Item], category: str) -> list[Item]:
    """Return the items of a category or of one below it, in an order that does not depend on ids."""
    found = (item for item in items if item.category == category or item.category.startswith(f"{category}."))
    return sorted(found, key=lambda item: (item.category, item.title))


def creatives_for(items: Sequence[Item], category: str) -> list[Item]:
    """Return the creatives that a log is mapped onto: those within a category, or all.

    Raises:
        LogUnusable: there is none.
    """
    found = within(items, category) if category else sorted(items, key=lambda item: (item.category, item.title))
    if not found:
        told = f" of the category {category}" if category else ""
        raise LogUnusable(f"The catalogue has no active creative{told}; add some, then import again.")
    return found
