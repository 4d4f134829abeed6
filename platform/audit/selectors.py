"""Read and verify the log."""

from dataclasses import dataclass
from uuid import UUID

from audit.chain import GENESIS, entry_hash
from audit.models import Entry


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a chain holds: how many entries were read, and the number of the first that does not fit."""

    entries: int
    broken_at: int | None

    @property
    def intact(self) -> bool:
        """Return whether every entry fits its predecessor."""
        return self.broken_at is None


def verify(*, operator_id: UUID) -> Verification:
    """Recompute an operator's chain from its beginning."""
    previous, expected = GENESIS, 1
    for entry in Entry.objects.filter(operator_id=operator_id).order_by("number").iterator():
        computed = entry_hash(
            previous, entry.number, entry.at, entry.actor, entry.action, entry.target, entry.detail
        )  # fmt: skip
        if entry.number != expected or bytes(entry.previous_hash) != previous or bytes(entry.hash) != computed:
            return Verification(expected, expected)
        previous, expected = computed, expected + 1
    return Verification(expected - 1, None)


def latest(*, operator_id: UUID, limit: int = 50) -> list[Entry]:
    """Return the newest entries."""
    return list(Entry.objects.filter(operator_id=operator_id).order_by("-number")[:limit])
