"""Each event counts once, and is acknowledged only when it is kept."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

import catalog.selectors
import subjects.selectors
import subjects.services
from core.ids import public_id
from core.tenancy import operator_scope
from core.times import utc
from decisions.bundle import bundle_id
from events.errors import BatchTooLarge
from events.models import Engagement, Play
from events.results import Code, ItemResult, Status
from signage.models import Player


@pytest.fixture
def campaign(place):
    return place.campaign("Cola", price_micros=20_000)


@pytest.fixture
def slate(place, campaign):
    """A slate of one paid creative and one piece of content; ``paid`` is the position of the former."""
    place.creative("Cola", campaign=campaign)
    place.creative("Bread")
    return place.decide()


@pytest.fixture
def paid(slate):
    return next(number for number, one in enumerate(slate.places) if one.pick.offer.paid)


def spent(place, campaign):
    found = catalog.selectors.spent(operator_id=place.operator_id, at=place.at).get(campaign.id)
    return found.total if found else 0


def statuses(results):
    return [(str(result.status), str(result.code) if result.code else None) for result in results]


ACCEPTED, DUPLICATE = ("accepted", None), ("duplicate", None)


def test_a_play_is_stored_and_billed(events, place, campaign, slate, paid):
    [result] = events.send(event := events.play(slate, paid))

    assert result == ItemResult(event["event_id"], Status.ACCEPTED)
    row = Play.objects.get()
    assert (row.decision_id, row.position, row.screen_id) == (slate.decision_id, paid, place.screen_id)
    assert (row.creative_id, row.campaign_id) == (slate.places[paid].pick.offer.id, campaign.id)
    assert (row.duration_ms, row.billed_micros, row.repeat, row.clock_offset_ms) == (8000, 20_000, False, 0)
    assert abs(row.started_at - place.at) < timedelta(milliseconds=1)
    assert spent(place, campaign) == 20_000


def test_an_event_sent_again_counts_once(events, place, campaign, slate, paid):
    play, touch = events.play(slate, paid), events.engagement(slate)

    first = events.send(play, touch)
    again = events.send(play, touch, received_at=place.at + timedelta(hours=1))

    assert statuses(first) == [ACCEPTED, ACCEPTED]
    assert statuses(again) == [DUPLICATE, DUPLICATE]
    assert all(result.settled for result in again)
    assert (Play.objects.count(), Engagement.objects.count(), spent(place, campaign)) == (1, 1, 20_000)


def test_an_event_twice_in_one_batch_counts_once(events, place, campaign, slate, paid):
    play = events.play(slate, paid)

    assert statuses(events.send(play, play)) == [ACCEPTED, DUPLICATE]
    assert (Play.objects.count(), spent(place, campaign)) == (1, 20_000)


def test_an_id_used_for_something_else_is_a_conflict(events, slate):
    touch = events.engagement(slate)
    events.send(touch)

    [other_kind] = events.send(events.play(slate, event_id=touch["event_id"]))
    [other_value] = events.send(touch | {"kind": "scan"})
    within = events.send(scan := events.engagement(slate, "scan"), scan | {"position": 1})

    assert other_kind.code == other_value.code == Code.EVENT_ID_CONFLICT
    assert statuses(within) == [ACCEPTED, ("rejected", "event_id_conflict")]
    assert (Play.objects.count(), Engagement.objects.count()) == (0, 2)


def test_a_choice_is_billed_by_its_first_play(events, place, campaign, slate, paid):
    first, second = events.play(slate, paid), events.play(slate, paid)

    together = events.send(first, second)
    later = events.send(events.play(slate, paid))

    assert statuses(together) == [ACCEPTED, ("accepted", "repeat")]
    assert statuses(later) == [("accepted", "repeat")]
    assert sorted(Play.objects.values_list("repeat", "billed_micros")) == [(False, 20_000), (True, 0), (True, 0)]
    assert spent(place, campaign) == 20_000


def test_a_play_after_its_lease_is_recorded_and_not_billed(events, place, campaign, slate, paid):
    started = slate.lease_until + timedelta(minutes=5)

    results = events.send(events.play(slate, paid, started_at=utc(started)), received_at=started + timedelta(minutes=1))

    assert statuses(results) == [("accepted", "after_lease")]
    assert (Play.objects.get().billed_micros, spent(place, campaign)) == (0, 0)


def test_wrong_events_do_not_keep_good_ones_out(events, slate):
    good = events.play(slate), events.engagement(slate, "dwell", value=4.2)
    wrong = [
        "no object",
        None,
        {},
        {"kind": "play"},
        events.play(slate, kind="wave"),
        events.play(slate, event_id="7"),
        events.play(slate, position="0"),
        events.play(slate, position=True),
        events.play(slate, decision=None),
        events.play(slate, decision="scr_7"),
        events.play(slate, bundle="bnd_x"),
        events.play(slate, mood="happy"),
        events.play(slate, started_at="yesterday"),
        events.play(slate, started_at="2026-11-22T10:00:00"),
        events.play(slate, duration_ms="long"),
        events.engagement(slate, "dwell"),
        events.engagement(slate, "dwell", value=-1),
        events.engagement(slate, "dwell", value="3"),
        events.engagement(slate, "conversion", value=1e300),
    ]

    results = events.send(good[0], *wrong, good[1])

    assert statuses(results) == [ACCEPTED, *[("rejected", "wrong_shape")] * len(wrong), ACCEPTED]
    assert all(result.detail for result in results[1:-1])
    assert [result.event_id for result in (results[0], results[-1])] == [event["event_id"] for event in good]
    assert (Play.objects.count(), Engagement.objects.count()) == (1, 1)


def test_a_batch_of_nothing_but_wrong_events_asks_the_database_nothing(events, django_assert_num_queries):
    with django_assert_num_queries(2):  # the transaction's savepoint
        assert statuses(events.send("no object")) == [("rejected", "wrong_shape")]


def test_a_batch_may_hold_500_events(events, slate):
    batch = [events.engagement(slate) for _ in range(500)]

    assert set(statuses(events.send(*batch))) == {ACCEPTED}
    with pytest.raises(BatchTooLarge):
        events.send(*batch, events.engagement(slate))
    assert Engagement.objects.count() == 500


def test_a_decision_of_another_screen_or_operator_is_unknown(events, place, foreign_place, slate):
    with operator_scope(foreign_place.operator_id):
        foreign_place.creative("Rival")
        foreign_slate = foreign_place.decide()
        stolen = events.send(events.play(slate), place=foreign_place)

    results = events.send(
        events.play(foreign_slate), events.engagement(foreign_slate), events.play(slate, 9),
        events.play(slate, decision=public_id("dec", uuid4())),
    )  # fmt: skip

    assert statuses([*stolen, *results]) == [("rejected", "unknown_decision")] * 5
    assert not Play.objects.exists()


def test_a_play_of_another_creative_than_was_chosen_is_rejected(events, slate):
    [result] = events.send(events.play(slate, 0, creative=slate.places[1].pick.offer.public_id))

    assert result.code == Code.UNKNOWN_CREATIVE
    assert statuses(events.send(events.play(slate, 0, creative=slate.places[0].pick.offer.public_id))) == [ACCEPTED]


@pytest.mark.parametrize("duration_ms", [0, -1, 3_600_001, 90_000])
def test_an_impossible_duration_is_rejected(events, slate, duration_ms):
    [result] = events.send(events.play(slate, duration_ms=duration_ms))

    assert result.code == Code.IMPOSSIBLE_DURATION
    assert not Play.objects.exists()


def test_nobody_dwells_for_a_day(events, slate):
    [result] = events.send(events.engagement(slate, "dwell", value=86_400))

    assert result.code == Code.IMPOSSIBLE_DURATION


def test_a_wrong_clock_is_repaired_and_the_repair_recorded(events, place, slate):
    slow, received_at = timedelta(days=400), place.at + timedelta(seconds=20)
    play = events.play(slate, started_at=utc(place.at - slow))
    touch = events.engagement(slate, at=utc(place.at + timedelta(seconds=2) - slow))

    results = events.send(play, touch, sent_at=received_at - slow, received_at=received_at)

    assert statuses(results) == [ACCEPTED, ACCEPTED]
    row = Play.objects.get()
    assert abs(row.started_at - place.at) < timedelta(milliseconds=1)
    assert row.clock_offset_ms == slow / timedelta(milliseconds=1)
    assert abs(Engagement.objects.get().at - place.at - timedelta(seconds=2)) < timedelta(milliseconds=1)


def test_a_delay_of_the_network_is_no_wrong_clock(events, place, slate):
    received_at = place.at + timedelta(seconds=13)

    events.send(events.play(slate), sent_at=received_at - timedelta(seconds=3), received_at=received_at)

    assert Play.objects.get().clock_offset_ms == 0


def test_events_of_the_future_are_rejected(events, place, slate):
    ahead = utc(place.at + timedelta(hours=2))

    results = events.send(events.play(slate, started_at=ahead), events.engagement(slate, at=ahead))

    assert statuses(results) == [("rejected", "impossible_time")] * 2


def test_a_time_before_the_decision_is_rejected(events, place, slate):
    early = utc(place.at - timedelta(minutes=5))

    results = events.send(events.play(slate, started_at=early), events.engagement(slate, at=early))

    assert statuses(results) == [("rejected", "impossible_time")] * 2


def test_events_are_accepted_for_thirty_days(events, place, slate):
    play = events.play(slate)

    [too_late] = events.send(play, received_at=place.at + timedelta(days=31))
    [late] = events.send(play, received_at=place.at + timedelta(days=29))

    assert too_late.code == Code.TOO_LATE
    assert late.status is Status.ACCEPTED


def test_a_play_of_the_offline_bundle_is_a_house_play(events, place, slate):
    bread = next(one.pick.offer for one in slate.places if not one.pick.offer.paid)
    bundle = bundle_id(
        operator_id=place.operator_id, screen_id=place.screen_id, valid_until=place.at + timedelta(days=7)
    )
    play = {
        "event_id": str(uuid4()), "kind": "play", "decision": None, "bundle": bundle, "creative": bread.public_id,
        "started_at": utc(place.at), "duration_ms": 8000,
    }  # fmt: skip

    assert statuses(events.send(play, play)) == [ACCEPTED, DUPLICATE]
    row = Play.objects.get()
    assert (row.decision_id, row.position, row.bundle, row.creative_id) == (None, None, bundle, bread.id)
    assert (row.billed_micros, row.campaign_id) == (0, None)


def test_a_bundle_of_another_screen_or_a_paid_creative_in_one_is_rejected(events, place, foreign_place, slate, paid):
    terms = {"valid_until": place.at + timedelta(days=7)}
    mine = bundle_id(operator_id=place.operator_id, screen_id=place.screen_id, **terms)
    foreign = bundle_id(operator_id=place.operator_id, screen_id=foreign_place.screen_id, **terms)
    bread = slate.places[1 - paid].pick.offer.public_id
    base = {"kind": "play", "started_at": utc(place.at), "duration_ms": 8000}

    results = events.send(
        base | {"event_id": str(uuid4()), "bundle": foreign, "creative": bread},
        base | {"event_id": str(uuid4()), "bundle": "bnd_made-up", "creative": bread},
        base | {"event_id": str(uuid4()), "bundle": mine, "creative": slate.places[paid].pick.offer.public_id},
        base | {"event_id": str(uuid4()), "bundle": mine, "creative": public_id("crv", uuid4())},
        base | {"event_id": str(uuid4()), "bundle": mine},
    )

    assert [result.code for result in results] == [
        Code.UNKNOWN_BUNDLE, Code.UNKNOWN_BUNDLE, Code.UNKNOWN_CREATIVE, Code.UNKNOWN_CREATIVE, Code.WRONG_SHAPE,
    ]  # fmt: skip
    assert not Play.objects.exists()


def test_an_engagement_is_remembered_once_for_those_who_agreed(events, place):
    bread = place.creative("Bread")
    agreed, refused = place.subject("recognise", "personalise"), place.subject("recognise")
    slate = place.decide(place.viewer(agreed), place.viewer(refused))

    events.send(events.engagement(slate, "attention", value=9), events.engagement(slate, "dwell", value=1))
    nothing = subjects.selectors.history_of(operator_id=place.operator_id, subject_id=agreed)
    events.send(events.engagement(slate, "dwell", value=4), events.engagement(slate, "touch"))
    events.send(events.engagement(slate, "scan"))

    history = subjects.selectors.history_of(operator_id=place.operator_id, subject_id=agreed)
    assert nothing == []
    assert [entry[:2] for entry in history] == [[bread.public_id, "food"]]
    assert subjects.selectors.history_of(operator_id=place.operator_id, subject_id=refused) == []


def test_whoever_withdrew_is_not_remembered(events, place):
    place.creative("Bread")
    subject = place.subject("recognise", "personalise")
    slate = place.decide(place.viewer(subject))
    subjects.services.withdraw_all(
        operator_id=place.operator_id, subject_id=subject, channel="kiosk", actor="device:test", at=place.at
    )

    assert statuses(events.send(events.engagement(slate))) == [ACCEPTED]
    assert subjects.selectors.history_of(operator_id=place.operator_id, subject_id=subject) == []


def test_the_number_of_queries_does_not_depend_on_the_batch(events, place):
    for number in range(3):
        place.creative(f"Cola {number}", campaign=place.campaign(f"Cola {number}"))
    subject = place.subject("recognise", "personalise", "learn")
    slates = [place.decide(place.viewer(subject)) for _ in range(40)]

    def batch(chosen):
        return [event for one in chosen for event in (events.play(one), events.engagement(one))]

    with CaptureQueriesContext(connection) as few:
        events.send(*batch(slates[:1]))
    with CaptureQueriesContext(connection) as many:
        events.send(*batch(slates[1:]))

    assert len(few) == len(many) <= 16
    assert Play.objects.count() == 40


def test_what_is_rolled_back_was_not_accepted(events, place, campaign, slate, paid, monkeypatch):
    play = events.play(slate, paid)

    def broken(**values):
        raise IntegrityError("the books do not balance")

    monkeypatch.setattr("catalog.services.book_plays", broken)
    with pytest.raises(IntegrityError), transaction.atomic():
        events.send(play)
    monkeypatch.undo()

    assert not Play.objects.exists()
    assert statuses(events.send(play)) == [ACCEPTED]
    assert spent(place, campaign) == 20_000


def test_what_a_player_played_last_is_playing_now(events, place, slate):
    early, late = events.play(slate, 0), events.play(slate, 1, started_at=utc(place.at + timedelta(seconds=1)))
    events.send(late, early)

    playing = Player.objects.get().now_playing
    assert (playing["creative"], playing["title"]) == (
        slate.places[1].pick.offer.public_id, slate.places[1].pick.offer.title,
    )  # fmt: skip


def test_an_old_report_does_not_change_what_is_playing(events, place, slate):
    events.send(events.play(slate), received_at=place.at + timedelta(days=2))

    player = Player.objects.get()
    assert player.now_playing is None
    assert player.last_seen_at == place.at + timedelta(days=2)


def test_the_database_refuses_what_must_not_be(place, slate, events):
    events.send(events.play(slate))
    play = Play.objects.get()

    for changes in (
        {"event_id": play.event_id},
        {"event_id": uuid4()},
        {"event_id": uuid4(), "repeat": True, "bundle": "bnd_x"},
        {"event_id": uuid4(), "repeat": True, "billed_micros": -1},
        {"event_id": uuid4(), "repeat": True, "billed_micros": 5},
        {"event_id": uuid4(), "repeat": True, "duration_ms": 0},
    ):
        copy = {name: value for name, value in vars(play).items() if name not in {"_state", "id", "created_at"}}
        with pytest.raises(IntegrityError), transaction.atomic():
            Play.objects.create(**(copy | changes))
    assert Play.objects.count() == 1
