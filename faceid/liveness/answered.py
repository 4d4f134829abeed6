"""Which challenges were answered, in the memory of one process: an answer that is sent again does not count."""

from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Final

from faceid.liveness.challenge import Challenge
from faceid.liveness.refusal import Refusal

MOST: Final = 100_000
"""Challenges that are remembered at once: about 15 MB."""


@dataclass(slots=True, eq=False)
class Answered:
    """Challenges that were answered and have not expired; safe to share between threads.

    For programs of one process. Several processes need a common memory instead, such as a store that sets a key only
    where it is absent; what is in this memory ends with the process, and so must the challenges that it drew.

    Attributes:
        most: challenges remembered at once. While they are so many no other answer counts: forgetting one would let it
            be answered again.
    """

    most: int = MOST
    _until: dict[str, datetime] = field(default_factory=dict, repr=False)
    _latest: datetime | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def __post_init__(self) -> None:
        """Refuse a memory that holds nothing.

        Raises:
            ValueError: ``most`` is less than 1.
        """
        if self.most < 1:
            raise ValueError(f"At least one challenge is remembered, not {self.most}.")

    def __len__(self) -> int:
        """Return how many challenges are remembered."""
        return len(self._until)

    def use(self, challenge: Challenge, at: datetime) -> Refusal | None:
        """Count a challenge as answered, whatever the answer is worth; return why it does not count, or None.

        Args:
            challenge: what was asked.
            at: now, with time zone. A clock that goes back makes nothing young again.
        """
        with self._lock:
            self._latest = now = at if self._latest is None else max(at, self._latest)
            if now >= challenge.expires_at:
                return Refusal.EXPIRED
            if challenge.nonce in self._until:
                return Refusal.ANSWERED_BEFORE
            if len(self._until) >= self.most:
                self._until = {nonce: until for nonce, until in self._until.items() if until > now}
            if len(self._until) >= self.most:
                return Refusal.TOO_MANY_ANSWERS
            self._until[challenge.nonce] = challenge.expires_at
            return None
