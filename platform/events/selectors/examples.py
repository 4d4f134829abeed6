"""The training examples, point in time: each row holds only what was known when its creative was chosen.

Two clocks decide what was known. An event *happened* at its own time (``at``, ``started_at``, repaired to this
server's clock) and was *received* when its report came, which may be days later. A decision knew an engagement when it
had happened before the decision and its report had been received before it: the same that the person's profile held,
and so the same history that the ranker was told. Everything else in a row's features comes from the log of the decision
itself (context, category, advertiser, propensity), written before its answer left. Nothing is an average or a rate.

Labels look forwards instead: they say what came of the play, as far as it was reported by the time of the export.
Which rows there are looks forwards, too: invalid traffic is left out by all that is known of it by then.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import TruncDate

import decisions.selectors
import subjects.selectors
from core.ids import public_id
from decisions.selectors import Shown
from events.labels import Deed, labels_of
from events.models import Engagement, Kind
from events.selectors.histories import CHUNK, Memory, chunks, histories, learners_of, named
from events.selectors.imported import imported_examples
from events.selectors.traffic import staff_decisions, valid_engagements, valid_plays
from recsys.features import Context
from signage.policies import POLICIES

Example = dict[str, Any]
"""One row with the columns of ``recsys.training.dataset.SCHEMA``."""

SOURCE = "plays"
CONTEXT = tuple(field.name for field in fields(Context))


class Played(NamedTuple):
    """A valid play of a choice."""

    play_id: UUID
    decision_id: UUID
    position: int
    screen_id: UUID
    began: datetime


def examples(*, operator_id: UUID, until: datetime) -> Iterator[Example]:
    """Yield one example for each valid play somebody may be learnt from, and for each imported interaction.

    Only creatives that were on screen are examples. A play gives a row for each viewer with a ``learn`` consent, live
    both then and at ``until``; a play without such a viewer gives one anonymous row without a history. Streamed: what
    is held in memory grows with the people and the catalogue, not with the log.
    """
    yield from imported_examples(operator_id=operator_id, until=until)
    yield from _played(operator_id, until)


def _played(operator_id: UUID, until: datetime) -> Iterator[Example]:
    learners = subjects.selectors.learners(operator_id=operator_id, at=until)
    past = histories(operator_id=operator_id, until=until, learners=learners)
    measured, staff = _measured(operator_id, until), staff_decisions(operator_id=operator_id)
    plays = valid_plays(operator_id=operator_id, staff=staff).filter(
        decision__isnull=False, repeat=False, received_at__lte=until
    )
    rows = plays.order_by("decision__at", "decision_id", "position").values_list(
        "id", "decision_id", "position", "screen_id", "started_at"
    )
    for chunk in chunks(map(Played._make, rows.iterator(CHUNK))):
        decision_ids = {play.decision_id for play in chunk}
        shown = decisions.selectors.shown(operator_id=operator_id, decision_ids=decision_ids)
        beheld = decisions.selectors.viewers_of(operator_id=operator_id, decision_ids=decision_ids)
        reported = valid_engagements(operator_id=operator_id, staff=staff).filter(
            decision_id__in=decision_ids, received_at__lte=until
        )
        deeds = _deeds(reported)
        for play in chunk:
            choice = shown[play.decision_id, play.position]
            came = labels_of(
                play.began, deeds.get((play.decision_id, play.position), ()), until=until,
                measured=(play.screen_id, play.began.astimezone(UTC).date()) in measured,
            )  # fmt: skip
            shared = _shared(choice) | came.columns()
            learnt = {
                subject_id: _allowed(past.before(choice.at, subject_id), choice)
                for subject_id in learners_of(beheld.get(play.decision_id, ()), learners)
            }
            yield from _rows(public_id("pla", play.play_id), shared, learnt)


def _shared(choice: Shown) -> Example:
    told = POLICIES[choice.policy].told(Context(**choice.context))
    return {
        "at": choice.at,
        "creative": named("crv", choice.creative_id),
        "category": choice.category,
        "advertiser": choice.advertiser or None,
        **{name: getattr(told, name) for name in CONTEXT},
        "position": choice.position,
        "propensity": choice.propensity,
        "source": SOURCE,
    }


def _rows(name: str, shared: Example, learnt: Mapping[UUID, Sequence[Memory]]) -> Iterator[Example]:
    if not learnt:
        yield {"example_id": name, "viewer": None, **shared, **_history(())}
    for place, (subject_id, history) in enumerate(learnt.items()):
        yield {"example_id": f"{name}:{place}", "viewer": named("sub", subject_id), **shared, **_history(history)}


def _allowed(memories: Sequence[Memory], choice: Shown) -> list[Memory]:
    """Return the history as the decision's policy let the ranker see it."""
    policy = POLICIES[choice.policy]
    return [memory for memory in memories if policy.may_rank_by(memory.category)]


def _history(memories: Sequence[Memory]) -> Example:
    return {
        "history_creatives": [memory.creative for memory in memories],
        "history_categories": [memory.category for memory in memories],
    }


def _deeds(reported: QuerySet[Engagement]) -> dict[tuple[UUID, int], list[Deed]]:
    """Return engagements by the choice they name (one query)."""
    found: dict[tuple[UUID, int], list[Deed]] = {}
    rows = reported.values_list("decision_id", "position", "kind", "value", "positive", "at")
    for decision_id, position, kind, value, positive, at in rows:
        found.setdefault((decision_id, position), []).append(Deed(kind, value, positive, at))
    return found


def _measured(operator_id: UUID, until: datetime) -> set[tuple[UUID, date]]:
    """Return the screens and days (UTC) with a measurement of dwell or attention: the others have no camera that does.

    A label, so it may look at the whole day.
    """
    measurements = Engagement.objects.filter(
        operator_id=operator_id, kind__in=(Kind.DWELL, Kind.ATTENTION), received_at__lte=until
    )
    days = measurements.annotate(day=TruncDate("at", tzinfo=UTC)).order_by().values_list("screen_id", "day").distinct()
    return set(days)
