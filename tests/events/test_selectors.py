"""Examples, point in time, and live numbers."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import decisions.selectors
import subjects.services
from core.ids import public_id
from core.tenancy import operator_scope
from core.times import utc
from decisions.models import Decision
from events import selectors
from events.models import Play
from events.services import Interaction, forget, import_interactions
from recsys.training.dataset import SCHEMA, read_dataset

HOUR = timedelta(hours=1)


def examples(place, until=None):
    return list(selectors.examples(operator_id=place.operator_id, until=until or place.at + timedelta(days=2)))


def visit(events, place, subject, after, *engagements, position=0, delay=timedelta(seconds=20)):
    """Decide, play and engage at a time after the place's moment."""
    at = place.at + after
    viewers = [place.viewer(subject, expires_at=at + timedelta(seconds=30))] if subject else []
    slate = place.decide(*viewers, at=at)
    play = events.play(slate, position)
    deeds = [events.engagement(slate, kind, position, at=utc(at + when)) for kind, when in engagements]
    assert all(result.settled for result in events.send(play, *deeds, received_at=at + delay))
    return slate


def test_an_example_is_what_was_known_and_what_came_of_it(events, place):
    cola = place.creative("Cola", "drinks", campaign=place.campaign("Cola"))

    slate = visit(events, place, None, timedelta(), ("touch", timedelta(seconds=2)))

    [row] = examples(place)
    play = Play.objects.get()
    local = place.at.astimezone(ZoneInfo("Europe/Berlin"))
    assert (row["hour"], row["weekday"]) == (local.hour, local.weekday())
    assert row["example_id"] == play.public_id
    assert (row["at"], row["viewer"], row["label"], row["source"]) == (slate.at, None, 1, "plays")
    assert (row["creative"], row["category"]) == (cola.public_id, "drinks")
    assert row["advertiser"].startswith("adv_")
    assert (row["screen"], row["venue"]) == (public_id("scr", place.screen_id), public_id("ven", place.venue_id))
    assert (row["venue_category"], row["scene"], row["position"], row["party"]) == ("retail.grocery", "lobby", 0, 0)
    assert row["propensity"] == slate.places[0].pick.propensity
    assert (row["history_creatives"], row["history_categories"]) == ([], [])


def test_examples_have_the_columns_training_reads(events, place, tmp_path: Path):
    place.creative("Bread")
    subject = place.subject("recognise", "personalise", "learn")
    for number in range(3):
        visit(events, place, subject, number * HOUR, ("scan", timedelta(seconds=1)))
    import_log(place, [(0, "ann", 1), (1, "ann", 0)])

    rows = examples(place)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), tmp_path / "log.parquet")

    assert set(rows[0]) == set(SCHEMA.names)
    assert len(read_dataset(tmp_path / "log.parquet")) == 5


def test_only_creatives_that_were_on_screen_are_examples_and_repeats_are_none(events, place):
    for title in ("Bread", "Tea", "Apples"):
        place.creative(title)
    slate = place.decide()

    events.send(events.play(slate, 1), events.engagement(slate, position=2))
    events.send(events.play(slate, 1))

    assert [(row["position"], row["label"]) for row in examples(place)] == [(1, 0)]


@pytest.mark.parametrize(
    ("kind", "value", "after", "label"),
    [
        ("touch", 1, 60, 1),
        ("scan", 1, 60, 1),
        ("conversion", 4.99, 60, 1),
        ("dwell", 3.0, 60, 1),
        ("dwell", 2.9, 60, 0),
        ("attention", 60, 60, 0),
        ("touch", 1, 30 * 60, 1),
        ("touch", 1, 30 * 60 + 2, 0),
    ],
)
def test_the_label_is_engagement_within_half_an_hour(events, place, kind, value, after, label):
    place.creative("Bread")
    slate = place.decide()
    at = utc(slate.at + timedelta(seconds=after))

    events.send(events.play(slate), events.engagement(slate, kind, value=value, at=at), received_at=place.at + HOUR)

    assert [row["label"] for row in examples(place)] == [label]


def test_what_is_reported_after_the_moment_is_not_known_yet(events, place):
    place.creative("Bread")
    slate = place.decide()
    events.send(events.play(slate))
    events.send(events.engagement(slate), received_at=place.at + HOUR)

    assert [row["label"] for row in examples(place, place.at + timedelta(minutes=30))] == [0]
    assert [row["label"] for row in examples(place)] == [1]
    assert examples(place, place.at) == []


def test_people_who_may_be_learnt_from_are_named_by_pseudonymous_key_with_their_history(events, place):
    bread = place.creative("Bread")
    subject = place.subject("recognise", "personalise", "learn")
    visit(events, place, subject, timedelta(), ("touch", timedelta(seconds=2)))
    visit(events, place, subject, HOUR)

    first, second = examples(place)

    assert first["viewer"] == second["viewer"] == public_id("sub", subject)
    assert (first["history_creatives"], second["history_creatives"]) == ([], [bread.public_id])
    assert second["history_categories"] == ["food"]


@pytest.mark.parametrize("purposes", [("recognise", "personalise"), ("recognise", "learn"), ()])
def test_without_learn_and_personalise_the_example_is_anonymous(events, place, purposes):
    place.creative("Bread")
    subject = place.subject(*purposes) if purposes else None
    for number in range(2):
        visit(events, place, subject, number * HOUR, ("touch", timedelta(seconds=2)))

    assert [(row["viewer"], row["history_creatives"], row["label"]) for row in examples(place)] == [(None, [], 1)] * 2


def test_whoever_withdrew_learn_becomes_anonymous_in_all_examples(events, place):
    place.creative("Bread")
    subject = place.subject("recognise", "personalise", "learn")
    for number in range(2):
        visit(events, place, subject, number * HOUR, ("touch", timedelta(seconds=2)))
    subjects.services.withdraw_consent(
        operator_id=place.operator_id, subject_id=subject, purpose="learn", channel="kiosk", actor="x", at=place.at
    )

    assert [(row["viewer"], row["history_creatives"]) for row in examples(place)] == [(None, [])] * 2


def test_a_decision_for_two_gives_a_row_for_each_who_may_be_learnt_from(events, place):
    place.creative("Bread")
    subjects_here = [place.subject("recognise", "personalise", "learn") for _ in range(2)]
    slate = place.decide(*(place.viewer(subject) for subject in subjects_here))
    events.send(events.play(slate))

    rows = examples(place)

    assert {row["viewer"] for row in rows} == {public_id("sub", subject) for subject in subjects_here}
    assert len({row["example_id"] for row in rows}) == 2


def test_a_late_report_was_not_known_to_decisions_before_it_came(events, place):
    place.creative("Bread")
    subject = place.subject("recognise", "personalise", "learn")
    visit(events, place, subject, timedelta(), ("touch", timedelta(seconds=2)), delay=5 * HOUR)
    visit(events, place, subject, HOUR)
    visit(events, place, subject, 6 * HOUR)

    assert [len(row["history_creatives"]) for row in examples(place)] == [0, 0, 1]


def test_the_history_of_an_example_is_the_one_the_ranker_was_told(events, place, monkeypatch):
    told = []

    class Spy:
        version = "spy"

        def rank(self, context, viewers, candidates, position=0):
            told.append([behaviour.creative for behaviour in viewers[0].history])
            return np.full((len(viewers), len(candidates)), 0.1, np.float32)

    monkeypatch.setattr("registry.serving.active_ranker", lambda operator_id, versions: Spy())
    for title in ("Bread", "Tea", "Apples", "Milk"):
        place.creative(title)
    subject = place.subject("recognise", "personalise", "learn")
    for number in range(6):
        visit(events, place, subject, number * HOUR, ("touch", timedelta(seconds=2)), position=number % 3)

    assert [row["history_creatives"] for row in examples(place)] == told
    assert [len(history) for history in told] == [0, 1, 2, 3, 4, 5]


def test_examples_are_streamed(events, place, monkeypatch):
    place.creative("Bread")
    subject = place.subject("recognise", "personalise", "learn")
    for number in range(7):
        visit(events, place, subject, number * HOUR, ("touch", timedelta(seconds=2)))
    looked_up, shown = [], decisions.selectors.shown
    monkeypatch.setattr("events.selectors.histories.CHUNK", 2)

    def spy(**values):
        looked_up.append(len(values["decision_ids"]))
        return shown(**values)

    monkeypatch.setattr(decisions.selectors, "shown", spy)
    stream = selectors.examples(operator_id=place.operator_id, until=place.at + timedelta(days=2))

    first = next(stream)
    held = list(looked_up)

    assert len(first["history_creatives"]) == 0
    assert held == [2, 2]  # two plays, and the first two memories of all histories
    assert [len(row["history_creatives"]) for row in stream] == [1, 2, 3, 4, 5, 6]
    assert max(looked_up) == 2


def import_log(place, lines, source="films", creative=None):
    creative = creative or place.creative("Film")
    rows = [
        Interaction(
            sequence=sequence, creative_id=creative.id, at=place.at + sequence * HOUR, label=bool(label), person=person,
            screen_id=place.screen_id, scene="lobby", propensity=0.25,
        )
        for sequence, person, label in lines
    ]  # fmt: skip
    return import_interactions(operator_id=place.operator_id, source=source, rows=rows)


def test_a_log_is_imported_once(place):
    film = place.creative("Film")
    lines = [(number, "ann", number % 2) for number in range(10)]

    assert import_log(place, lines, creative=film) == 10
    assert import_log(place, [*lines, (10, "ann", 1)], creative=film) == 1
    assert import_log(place, lines, source="books", creative=film) == 10
    assert len(examples(place)) == 21


def test_imported_people_have_their_own_history_and_are_no_subjects(place):
    film = place.creative("Film", "movies.drama")
    import_log(place, [(0, "ann", 1), (1, "ann", 0), (2, "bob", 1), (3, "ann", 1), (4, "", 1)], creative=film)

    rows = examples(place)

    assert [row["viewer"] for row in rows] == ["films:ann", "films:ann", "films:bob", "films:ann", None]
    assert [len(row["history_creatives"]) for row in rows] == [0, 1, 0, 1, 0]
    assert rows[1]["history_categories"] == ["movies.drama"]
    assert (rows[0]["venue_category"], rows[0]["propensity"], rows[0]["source"]) == ("retail.grocery", 0.25, "films")


def test_rows_of_one_instant_do_not_see_each_other(place):
    film = place.creative("Film")
    rows = [Interaction(number, film.id, place.at + HOUR * (number == 2), True, person="ann") for number in range(3)]
    import_interactions(operator_id=place.operator_id, source="films", rows=rows)

    assert [len(row["history_creatives"]) for row in examples(place)] == [0, 0, 2]


def test_a_line_that_cannot_be_imports_nothing(place):
    film = place.creative("Film")
    rows = [Interaction(0, film.id, place.at, True), Interaction(1, film.id, place.at, True, propensity=1.5)]

    with pytest.raises(Exception, match="imported_propensity_range"), operator_scope(place.operator_id):
        import_interactions(operator_id=place.operator_id, source="films", rows=rows)

    assert examples(place) == []


def test_examples_of_another_operator_are_out_of_reach(place, other_operator):
    import_log(place, [(0, "ann", 1)])

    assert list(selectors.examples(operator_id=other_operator.id, until=place.at + HOUR)) == []
    with operator_scope(other_operator.id):
        assert examples(place) == []


def test_forgetting_deletes_lines_that_name_the_subject(place):
    subject = place.subject("recognise")
    import_log(place, [(0, public_id("sub", subject), 1), (1, "ann", 1)])

    assert selectors.traces(operator_id=place.operator_id, subject_id=subject) == 1
    assert forget(operator_id=place.operator_id, subject_id=subject) == {
        "imported_interactions": 1, "staff_periods": 0,
    }  # fmt: skip
    assert forget(operator_id=place.operator_id, subject_id=subject) == {
        "imported_interactions": 0, "staff_periods": 0,
    }  # fmt: skip
    assert selectors.traces(operator_id=place.operator_id, subject_id=subject) == 0
    assert len(examples(place)) == 1


def test_the_overview_counts_today_and_each_hour(events, place):
    now = place.at = place.at.replace(hour=12, minute=30, second=0, microsecond=0)
    place.creative("Cola", campaign=place.campaign("Cola", price_micros=30_000))
    for hours, engaged in ((0, True), (1, False), (1, True), (20, True)):
        place.at = now - hours * HOUR
        slate = place.decide()
        events.send(events.play(slate), *([events.engagement(slate)] if engaged else []))

    with CaptureQueriesContext(connection) as queries:
        numbers = selectors.overview(operator_id=place.operator_id, at=now + timedelta(minutes=1))

    assert len(queries) == 4
    assert (numbers.decisions, numbers.plays, numbers.engaged) == (3, 3, 2)
    assert numbers.engagement_rate == pytest.approx(2 / 3)
    assert numbers.billed_micros == 3 * 30_000
    assert len(numbers.hours) == 24
    assert [(hour.decisions, hour.plays, hour.engaged) for hour in numbers.hours[-2:]] == [(2, 2, 1), (1, 1, 1)]
    assert numbers.hours[3].plays == 1
    assert numbers.hours[-1].start == now.replace(minute=0)


def test_an_overview_before_the_first_play_has_no_rate(place):
    numbers = selectors.overview(operator_id=place.operator_id, at=place.at)

    assert (numbers.plays, numbers.engagement_rate, numbers.billed_micros) == (0, None, 0)


def test_now_playing_is_the_last_play_of_each_screen(events, place):
    place.creative("Bread")
    place.creative("Tea")
    slate = place.decide()
    events.send(events.play(slate, 0), events.play(slate, 1, started_at=utc(place.at + timedelta(seconds=1))))

    live = selectors.now_playing(operator_id=place.operator_id, at=place.at + timedelta(seconds=5))
    over = selectors.now_playing(operator_id=place.operator_id, at=place.at + timedelta(seconds=30))

    last = slate.places[1].pick.offer
    assert (live[place.screen_id].creative_id, live[place.screen_id].creative_title) == (last.id, last.title)
    assert (live[place.screen_id].live, over[place.screen_id].live) == (True, False)


def test_an_example_is_told_no_more_than_the_scenes_policy_lets_the_ranker_know(events, place):
    place.creative("Bread")
    slate = visit(events, place, None, timedelta(), ("touch", timedelta(seconds=2)))
    # a decision logged before the policy denied anything
    Decision.objects.filter(id=slate.decision_id).update(policy="finance")

    [row] = examples(place)

    assert (row["screen"], row["venue"]) == ("", "")
    assert (row["venue_category"], row["scene"]) == ("retail.grocery", "lobby")
