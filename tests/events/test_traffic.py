"""Invalid traffic: left out of examples and reports, counted by reason, never deleted."""

from datetime import timedelta
from uuid import uuid4

import pytest

from audit.models import Entry
from core.times import utc
from events import selectors
from events.errors import AlreadyStaff, ImpossiblePeriod, NotStaff
from events.models import Engagement, Play, StaffPeriod
from events.services import begin_staff, end_staff, forget
from events.traffic import BURST, Reason
from subjects.errors import UnknownSubject

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def slate(place):
    """A decision about a creative of eight seconds, before nobody in particular."""
    place.creative("Bread")
    return place.decide()


def report(place):
    return selectors.traffic(operator_id=place.operator_id, until=place.at + timedelta(days=2))


def rows(place):
    return list(selectors.examples(operator_id=place.operator_id, until=place.at + timedelta(days=2)))


def at(slate, after):
    return utc(slate.at + after)


def test_honest_traffic_is_valid(events, place, slate):
    events.send(events.play(slate), events.engagement(slate), events.engagement(slate, "dwell", value=8.0))

    assert report(place) == selectors.Traffic(plays=1, engagements=2)
    assert report(place).invalid == 0
    assert [row["label"] for row in rows(place)] == [1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"duration_ms": 999}, "too_short"),
        ({"duration_ms": 1000}, None),
        ({"duration_ms": 26_000}, None),
        ({"duration_ms": 26_001}, "overlong"),
    ],
)
def test_a_play_nobody_could_have_seen_or_that_hung_is_no_example(events, place, slate, change, reason):
    events.send(events.play(slate, **change))

    assert report(place).invalid_plays == ({reason: 1} if reason else {})
    assert len(rows(place)) == (0 if reason else 1)
    assert Play.objects.count() == 1


def test_a_play_after_its_lease_is_no_example(events, place, slate):
    late = slate.lease_until + timedelta(minutes=2)

    events.send(events.play(slate, started_at=utc(late)), received_at=late + HOUR)

    assert report(place).invalid_plays == {"after_lease": 1}
    assert rows(place) == []


def test_one_play_reported_twice_is_a_duplicate_and_a_later_one_a_loop(events, place, slate):
    events.send(events.play(slate))
    events.send(events.play(slate, started_at=at(slate, SECOND)))
    events.send(events.play(slate, started_at=at(slate, 9 * SECOND)))

    assert report(place).invalid_plays == {"duplicate": 1, "loop": 1}
    assert len(rows(place)) == 1


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("dwell", {"value": 13.0}, None),
        ("dwell", {"value": 13.1}, "impossible_dwell"),
        ("attention", {"value": 600}, "impossible_dwell"),
        ("touch", {"at": -1}, "before_play"),
        ("touch", {"at": 0}, None),
        ("touch", {"position": 1}, "without_play"),
        ("conversion", {"value": 5_000}, None),
    ],
)
def test_an_engagement_that_cannot_be_makes_no_label(events, place, kind, change, reason):
    for title in ("Bread", "Tea"):
        place.creative(title)
    slate = place.decide()
    change = {**change, "at": at(slate, change.get("at", 1) * SECOND)}

    events.send(events.play(slate), events.engagement(slate, kind, **change))

    assert report(place).invalid_engagements == ({reason: 1} if reason else {})
    assert [row["label"] for row in rows(place)] == [0 if reason or kind == "attention" else 1]
    assert Engagement.objects.count() == 1


def test_the_same_deed_under_another_id_counts_once(events, place, slate):
    touch = events.engagement(slate)

    events.send(events.play(slate), touch, touch | {"event_id": str(uuid4())}, touch | {"event_id": str(uuid4())})

    assert report(place) == selectors.Traffic(1, 3, {}, {"duplicate": 2})
    assert [row["touch"] for row in rows(place)] == [1]


@pytest.mark.parametrize("count", [BURST, BURST + 1])
def test_drumming_is_nobodys_choice(events, place, slate, count):
    drum = [events.engagement(slate, at=at(slate, SECOND + 0.2 * number * SECOND)) for number in range(count)]

    events.send(events.play(slate), *drum)

    assert report(place).invalid_engagements == ({"burst": count} if count > BURST else {})
    assert [row["label"] for row in rows(place)] == [int(count <= BURST)]


def test_many_people_at_many_plays_are_no_burst(events, place):
    place.creative("Bread")
    for _ in range(BURST + 2):
        slate = place.decide()
        events.send(events.play(slate), events.engagement(slate))

    assert report(place).invalid == 0
    assert [row["label"] for row in rows(place)] == [1] * (BURST + 2)


def test_what_was_shown_to_staff_does_not_count_while_they_worked_there(events, place):
    place.creative("Bread")
    subject = place.subject("recognise", "personalise", "learn")
    for hours in range(3):
        moment = place.at + hours * HOUR
        slate = place.decide(place.viewer(subject, expires_at=moment + 30 * SECOND), at=moment)
        sent = [events.play(slate), events.engagement(slate)]
        assert all(result.settled for result in events.send(*sent, received_at=moment + 10 * SECOND))

    terms = {"operator_id": place.operator_id, "subject_id": subject, "actor": "member:one"}
    begin_staff(**terms, since=place.at + HOUR)
    working = report(place), len(rows(place))
    end_staff(**terms, until=place.at + 2 * HOUR)

    assert working == (selectors.Traffic(3, 3, {"staff": 2}, {"staff": 2}), 1)
    assert report(place) == selectors.Traffic(3, 3, {"staff": 1}, {"staff": 1})
    assert [row["at"] for row in rows(place)] == [place.at, place.at + 2 * HOUR]
    assert (Play.objects.count(), Engagement.objects.count()) == (3, 3)
    assert [entry.action for entry in Entry.objects.order_by("number")][-2:] == ["staff.begun", "staff.ended"]


def test_a_period_that_cannot_be_is_refused_and_changes_nothing(place):
    subject = place.subject("recognise")
    terms = {"operator_id": place.operator_id, "subject_id": subject, "actor": "member:one"}

    with pytest.raises(NotStaff, match="does not count as staff"):
        end_staff(**terms, until=place.at)
    begin_staff(**terms, since=place.at)
    before = list(StaffPeriod.objects.values())
    with pytest.raises(AlreadyStaff):
        begin_staff(**terms, since=place.at + HOUR)
    with pytest.raises(ImpossiblePeriod):
        end_staff(**terms, until=place.at)
    with pytest.raises(UnknownSubject):
        begin_staff(**(terms | {"subject_id": uuid4()}), since=place.at)

    assert list(StaffPeriod.objects.values()) == before
    end_staff(**terms, until=place.at + HOUR)
    with pytest.raises(AlreadyStaff):
        begin_staff(**terms, since=place.at + 0.5 * HOUR)
    begin_staff(**terms, since=place.at + HOUR)


def test_forgetting_somebody_forgets_that_they_worked_there(place):
    subject = place.subject("recognise")
    begin_staff(operator_id=place.operator_id, subject_id=subject, since=place.at, actor="member:one")

    assert selectors.traces(operator_id=place.operator_id, subject_id=subject) == 1
    assert forget(operator_id=place.operator_id, subject_id=subject)["staff_periods"] == 1
    assert selectors.traces(operator_id=place.operator_id, subject_id=subject) == 0


def test_reports_leave_invalid_plays_out_and_count_them(events, place, slate):
    noon = place.at.replace(hour=12, minute=30, second=0, microsecond=0)
    place.at = noon
    other = place.decide()
    events.send(events.play(other), events.engagement(other))
    events.send(events.play(other, started_at=at(other, 9 * SECOND)))

    numbers = selectors.overview(operator_id=place.operator_id, at=noon + timedelta(minutes=1))

    assert (numbers.plays, numbers.engaged, numbers.invalid, numbers.engagement_rate) == (1, 1, 1, 1.0)
    assert numbers.hours[-1].invalid == 1


def test_counting_looks_at_what_was_received_in_a_time(events, place, slate):
    events.send(events.play(slate), received_at=place.at + 20 * SECOND)
    events.send(events.play(slate, duration_ms=10), received_at=place.at + HOUR)

    counted = selectors.traffic(operator_id=place.operator_id, until=place.at + HOUR, since=place.at + 0.5 * HOUR)
    earlier = selectors.traffic(operator_id=place.operator_id, until=place.at + 0.5 * HOUR)

    assert (counted.plays, counted.invalid_plays) == (1, {"duplicate": 1})
    assert (earlier.plays, earlier.invalid) == (1, 0)
    assert set(counted.invalid_plays) <= set(Reason.values)
