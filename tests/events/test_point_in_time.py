"""No feature of an example comes from after its decision: take away what happened or arrived later, and none moves."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models import Q
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.ids import parse_public_id, public_id
from core.times import utc
from events import selectors
from events.models import Engagement, ImportedInteraction, Play
from events.services import Interaction, import_interactions
from recsys.training.dataset import TASKS

LABELS = {"label", *TASKS}
SECOND = timedelta(seconds=1)
END = timedelta(days=3)

deeds = st.lists(
    st.tuples(
        st.sampled_from(["touch", "scan", "dwell", "attention", "conversion"]),
        st.integers(0, 40_000).map(lambda seconds: seconds * SECOND),
        st.sampled_from([0, 1, 60, 3_000, 30_000]).map(lambda seconds: seconds * SECOND),
    ),
    max_size=3,
)
visits = st.lists(
    st.tuples(st.integers(0, 40_000).map(lambda seconds: seconds * SECOND), st.sampled_from("ab-"), deeds),
    min_size=2, max_size=5,
)  # fmt: skip
lines = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["ann", "bob", ""]), st.booleans()), max_size=6)


class Rollback(Exception):
    """Ends an experiment."""


@pytest.fixture
def crowd(place):
    """Two people who may be learnt from, and some creatives."""
    for title, category in (("Bread", "food"), ("Cola", "drinks"), ("Film", "movies.drama")):
        place.creative(title, category)
    return {name: place.subject("recognise", "personalise", "learn") for name in "ab"}


def happen(events, place, crowd, visits):
    """Let people come by; every report arrives at its own time, some before the next decision and some days later."""
    decided = {}
    for number, (start, who, _) in enumerate(visits):
        moment = place.at + start
        known = [place.viewer(crowd[who], expires_at=moment + 30 * SECOND)] if who in crowd else []
        decided[number] = place.decide(*known, at=moment)
    reports = []
    for number, (_, _, done) in enumerate(visits):
        slate = decided[number]
        reports.append((slate.at + 9 * SECOND, events.play(slate)))
        for kind, after, delay in done:
            at, value = slate.at + after, 5.0 if kind in ("dwell", "attention") else 1.0
            reports.append((at + delay, events.engagement(slate, kind, at=utc(at), value=value)))
    for received_at, report in sorted(reports, key=lambda report: report[0]):
        assert events.send(report, received_at=received_at)[0].settled


def examples(place):
    found = selectors.examples(operator_id=place.operator_id, until=place.at + END)
    return {row["example_id"]: row for row in found}


def features(row):
    return {name: value for name, value in row.items() if name not in LABELS}


def without_what_came_later(place, row):
    """Return the same example of a database that holds nothing which happened or arrived from its decision on."""
    own = _own_id(row["example_id"])
    at = row["at"]
    try:
        with transaction.atomic():
            Engagement.objects.filter(Q(received_at__gte=at) | Q(at__gte=at)).delete()
            Play.objects.filter(Q(received_at__gte=at) | Q(started_at__gte=at)).exclude(id=own).delete()
            ImportedInteraction.objects.filter(at__gte=at).exclude(id=own).delete()
            raise_with = examples(place)[row["example_id"]]
            raise Rollback
    except Rollback:
        return raise_with


def _own_id(example_id: str) -> UUID:
    public = example_id.partition(":")[0]
    return parse_public_id(public.partition("_")[0], public)


EVERYTHING_BUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""Each try is a database filled: the first failure tells enough."""


@settings(
    max_examples=10, deadline=None, phases=EVERYTHING_BUT_SHRINKING,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(visits, lines)
def test_no_feature_comes_from_after_its_decision(events, place, crowd, visits, lines):
    for model in (Engagement, Play, ImportedInteraction):
        model.objects.all().delete()
    happen(events, place, crowd, visits)
    creatives = [UUID(int=parse_public_id("crv", row["creative"]).int) for row in examples(place).values()]
    import_interactions(
        operator_id=place.operator_id, source="films",
        rows=[
            Interaction(number, creatives[0], place.at + hours * 3600 * SECOND, engaged, person=person)
            for number, (hours, person, engaged) in enumerate(lines)
        ],
    )  # fmt: skip

    rows = examples(place)

    assert len(rows) == len(visits) + len(lines)
    for row in rows.values():
        assert features(without_what_came_later(place, row)) == features(row)


def test_a_late_report_of_an_earlier_deed_does_not_move_a_history(events, place, crowd):
    """Ann touched bread, then cola; that she had scanned the bread's code later still came in long after."""
    a = crowd["a"]
    first, second = (
        place.decide(place.viewer(a, expires_at=place.at + 300 * SECOND), at=place.at + start * SECOND)
        for start in (0, 100)
    )
    for slate, after, received in ((first, 50, 60), (second, 20, 130)):
        deed = events.engagement(slate, at=utc(slate.at + after * SECOND))
        events.send(events.play(slate), deed, received_at=place.at + received * SECOND)
    third = place.decide(place.viewer(a, expires_at=place.at + 900 * SECOND), at=place.at + 600 * SECOND)
    events.send(events.play(third), received_at=place.at + 700 * SECOND)
    before = examples(place)

    early = events.engagement(second, at=utc(second.at + 1 * SECOND))
    late = events.engagement(first, "scan", at=utc(first.at + 10 * SECOND))
    events.send(early, late, received_at=place.at + 90_000 * SECOND)

    after = examples(place)
    [row] = [row for row in after.values() if row["at"] == third.at]
    assert row["history_creatives"] == [slate.places[0].pick.offer.public_id for slate in (second, first)]
    assert {name: features(row) for name, row in before.items()} == {name: features(row) for name, row in after.items()}


def test_a_history_holds_the_newest_fifty(events, place, crowd, monkeypatch):
    monkeypatch.setattr("events.selectors.histories.HISTORY_LENGTH", 2)
    chosen = []
    for number in range(5):
        moment = place.at + number * 60 * SECOND
        slate = place.decide(place.viewer(crowd["a"], expires_at=moment + 30 * SECOND), at=moment)
        events.send(events.play(slate), events.engagement(slate), received_at=moment + 10 * SECOND)
        chosen.append(slate.places[0].pick.offer.public_id)

    histories = [row["history_creatives"] for row in examples(place).values()]

    assert histories == [[], chosen[:1], chosen[1::-1], chosen[2:0:-1], chosen[3:1:-1]]
    assert {row["viewer"] for row in examples(place).values()} == {public_id("sub", crowd["a"])}
