"""The training examples, point in time: each row holds only what was known when its creative was chosen."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import nlargest
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Exists, Min, OuterRef

import catalog.selectors
import decisions.selectors
import signage.selectors
import subjects.selectors
from core.ids import public_id
from decisions.clock import local_time
from decisions.selectors import Beheld, Shown
from events.engagement import ATTRIBUTION_WINDOW
from events.models import Engagement, ImportedInteraction, Play
from recsys.features import HISTORY_LENGTH
from signage.policies import POLICIES

Example = dict[str, Any]
"""One row with the columns of ``recsys.training.dataset.SCHEMA``."""

SOURCE = "plays"
CHUNK = 2000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Memory:
    """One engagement of a person, and when it was known here (late reports are known later than they happened)."""

    known_at: datetime
    at: datetime
    creative: str
    category: str


@dataclass(slots=True)
class Past:
    """What one person of an imported log engaged with so far; rows of one instant do not see each other."""

    settled: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=HISTORY_LENGTH))
    pending: list[tuple[str, str]] = field(default_factory=list)
    instant: datetime | None = None

    def before(self, at: datetime) -> list[tuple[str, str]]:
        """Return what was engaged with before ``at``, newest first; calls come in order of time."""
        if self.instant is None or at > self.instant:
            self.settled.extendleft(self.pending)
            self.pending.clear()
            self.instant = at
        return list(self.settled)


def examples(*, operator_id: UUID, until: datetime) -> Iterator[Example]:
    """Yield one example for each play somebody may be learnt from, and for each imported interaction.

    Only creatives that were on screen are examples. The label is 1 when somebody engaged within the attribution window
    of the play, as far as reported by ``until``. A play gives a row for each viewer with a ``learn`` consent, live both
    then and at ``until``; a play without such a viewer gives one anonymous row without a history.
    """
    yield from _imported(operator_id, until)
    yield from _played(operator_id, until)


def _played(operator_id: UUID, until: datetime) -> Iterator[Example]:
    learners = subjects.selectors.learners(operator_id=operator_id, at=until)
    memories = _memories(operator_id, until, learners)
    engagement = Engagement.objects.filter(
        decision_id=OuterRef("decision_id"), position=OuterRef("position"), positive=True, received_at__lte=until,
        at__gte=OuterRef("started_at"), at__lte=OuterRef("started_at") + ATTRIBUTION_WINDOW,
    )  # fmt: skip
    plays = Play.objects.filter(
        operator_id=operator_id, decision__isnull=False, repeat=False, received_at__lte=until
    ).annotate(label=Exists(engagement))
    rows = plays.order_by("started_at", "id").values_list("id", "decision_id", "position", "label")
    for chunk in _chunks(rows.iterator(CHUNK)):
        decision_ids = {decision_id for _, decision_id, _, _ in chunk if decision_id is not None}
        shown = decisions.selectors.shown(operator_id=operator_id, decision_ids=decision_ids)
        beheld = decisions.selectors.viewers_of(operator_id=operator_id, decision_ids=decision_ids)
        for play_id, decision_id, position, label in chunk:
            assert decision_id is not None
            assert position is not None
            choice = shown[decision_id, position]
            learnt = _learnt(beheld.get(decision_id, ()), learners)
            yield from _play(public_id("pla", play_id), choice, learnt, memories, label=label)


def _play(
    name: str, choice: Shown, learnt: Sequence[UUID], memories: Mapping[UUID, Sequence[Memory]], *, label: bool
) -> Iterator[Example]:
    shared = {
        "at": choice.at,
        "creative": public_id("crv", choice.creative_id),
        "category": choice.category,
        "advertiser": choice.advertiser or None,
        **choice.context,
        "position": choice.position,
        "propensity": choice.propensity,
        "label": int(label),
        "source": SOURCE,
    }
    if not learnt:
        yield {"example_id": name, "viewer": None, **shared, **_history(())}
    for place, subject_id in enumerate(learnt):
        history = _remembered(memories.get(subject_id, ()), choice)
        yield {"example_id": f"{name}:{place}", "viewer": public_id("sub", subject_id), **shared, **_history(history)}


def _remembered(memories: Sequence[Memory], choice: Shown) -> list[tuple[str, str]]:
    """Return the history as the decision saw it: known before it, allowed by its policy, newest first."""
    policy = POLICIES[choice.policy]
    known = (memory for memory in memories if memory.known_at < choice.at)
    newest = nlargest(HISTORY_LENGTH, known, key=lambda memory: memory.at)
    return [(memory.creative, memory.category) for memory in newest if policy.may_rank_by(memory.category)]


def _memories(operator_id: UUID, until: datetime, learners: Collection[UUID]) -> dict[UUID, list[Memory]]:
    """Return the first engagement with each choice, for each learner it was chosen for."""
    found: dict[UUID, list[Memory]] = {}
    firsts = (
        Engagement.objects.filter(operator_id=operator_id, positive=True, received_at__lte=until)
        .values("decision_id", "position")
        .annotate(first=Min("at"), known=Min("received_at"))
        .order_by("first")
        .values_list("decision_id", "position", "first", "known")
    )
    for chunk in _chunks(firsts.iterator(CHUNK)):
        decision_ids = {decision_id for decision_id, *_ in chunk}
        beheld = decisions.selectors.viewers_of(operator_id=operator_id, decision_ids=decision_ids)
        shown = decisions.selectors.shown(operator_id=operator_id, decision_ids=beheld.keys())
        for decision_id, position, first, known in chunk:
            for subject_id in _learnt(beheld.get(decision_id, ()), learners):
                choice = shown[decision_id, position]
                memory = Memory(max(first, known), first, public_id("crv", choice.creative_id), choice.category)
                found.setdefault(subject_id, []).append(memory)
    return found


def _learnt(beheld: Sequence[Beheld], learners: Collection[UUID]) -> list[UUID]:
    return [viewer.subject_id for viewer in beheld if viewer.learn and viewer.subject_id in learners]


def _imported(operator_id: UUID, until: datetime) -> Iterator[Example]:
    items = {creative.id: creative for creative in catalog.selectors.creatives(operator_id=operator_id)}
    screens = {screen.id: screen for screen in signage.selectors.screens(operator_id=operator_id)}
    past: dict[tuple[str, str], Past] = {}
    rows = ImportedInteraction.objects.filter(operator_id=operator_id, at__lt=until).order_by(
        "at", "source", "sequence"
    )
    for row in rows.iterator(CHUNK):
        creative = items[row.creative_id]
        screen = screens[row.screen_id] if row.screen_id else None
        person = past.setdefault((row.source, row.person), Past()) if row.person else Past()
        local = local_time(row.at, screen.venue.timezone) if screen else row.at.astimezone(UTC)
        yield {
            "example_id": row.public_id,
            "at": row.at,
            "viewer": f"{row.source}:{row.person}" if row.person else None,
            "creative": creative.public_id,
            "category": creative.category,
            "advertiser": creative.campaign.advertiser.public_id if creative.campaign else None,
            "screen": screen.public_id if screen else "",
            "venue": screen.venue.public_id if screen else "",
            "venue_category": screen.venue.category if screen else "",
            "scene": row.scene,
            "hour": local.hour,
            "weekday": local.weekday(),
            "position": row.position,
            "party": 1,
            "propensity": row.propensity,
            **_history(person.before(row.at)),
            "label": int(row.label),
            "source": row.source,
        }
        if row.label:
            person.pending.append((creative.public_id, creative.category))


def _history(behaviours: Sequence[tuple[str, str]]) -> Example:
    return {
        "history_creatives": [creative for creative, _ in behaviours],
        "history_categories": [category for _, category in behaviours],
    }


def _chunks(rows: Iterator[T]) -> Iterator[list[T]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
