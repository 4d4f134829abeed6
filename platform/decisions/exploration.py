"""How a screen explores: by chance around the ranker's scores, and by what the head knows once it knows something."""

import os
import threading
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from catalog.serving import Eligible, Snapshot
from recsys.exploration.head import Arms, Head, Mode
from recsys.exploration.luce import Exploration

LUCE = Exploration()
"""Without a head, chance alone explores: every creative has a share that grows with its score."""
WITH_HEAD = Exploration(temperature=0.1, floor=0.05)
"""The head's draws explore already, so less is left to chance; the floor still bounds every weight."""

CHANCE = "luce"
"""The name of the rule without a head, in the log and in the settings."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How values become propensities for one decision.

    Attributes:
        head: what was learnt about the scores of the ranker that serves; None while that is too little.
        mode: how the head's uncertainty becomes values.
        exploration: what is left to chance.
    """

    head: Head | None = None
    mode: Mode = Mode.THOMPSON
    exploration: Exploration = LUCE

    @property
    def name(self) -> str:
        """Name the rule for the decision's log."""
        return f"{self.mode}:{self.head.digest[:16]}" if self.head else CHANCE

    def values(self, scores: NDArray[np.float64], eligible: Eligible, scene: str) -> NDArray[np.float64]:
        """Return what the scores are taken for, shape (candidates,), or (worlds, candidates) for Thompson sampling."""
        if self.head is None:
            return scores
        arms = _arms(self.head, eligible.snapshot).take(eligible.indices)
        return self.head.values(self.mode, arms, scores, scene)


def rule(head: Head | None, exploration: Exploration | None = None) -> Rule:
    """Return the rule for a ranker with this head, as ``settings.EXPLORATION`` has it.

    Args:
        exploration: replaces the usual share of chance.
    """
    if head is None or settings.EXPLORATION == CHANCE:
        return Rule(exploration=exploration or LUCE)
    return Rule(head, Mode(settings.EXPLORATION), exploration or WITH_HEAD)


_chance = threading.local()


def chance() -> np.random.Generator:
    """Return this thread's source of chance: seeded by the system, and once, for that takes longer than a draw."""
    found: np.random.Generator | None = getattr(_chance, "generator", None)
    if found is None:
        found = _chance.generator = np.random.default_rng()
    return found


def _forget_chance() -> None:
    """Leave a forked process no source that it shares with its parent."""
    vars(_chance).clear()


os.register_at_fork(after_in_child=_forget_chance)

_held: WeakKeyDictionary[Snapshot, tuple[str, Arms]] = WeakKeyDictionary()


def _arms(head: Head, snapshot: Snapshot) -> Arms:
    """Return what the head knows about a whole catalogue: looked up once per posterior and version of the catalogue."""
    held = _held.get(snapshot)
    if held is None or held[0] != head.digest:
        # Two threads may look up at once; both find the same.
        offers = snapshot.offers
        found = head.arms([offer.public_id for offer in offers], [offer.category for offer in offers])
        held = _held[snapshot] = (head.digest, found)
    return held[1]
