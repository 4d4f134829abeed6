"""What a decision asks the database, and what it takes for granted until the answer says otherwise."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import core.epochs
import signage.services
from decisions.present import present
from signage.errors import PlayerNotPaired
from signage.models import Screen


def asked(place, subject_ids=()):
    return present(
        operator_id=place.operator_id, player_id=place.player_id, subject_ids=subject_ids, at=place.at
    )  # fmt: skip


def move(place):
    """Move the screen to another venue, behind this process's back but for the epoch."""
    venue = signage.services.add_venue(
        operator_id=place.operator_id, name="Station", category="transit", timezone="Asia/Tokyo", actor="test"
    )
    Screen.objects.filter(id=place.screen_id).update(venue=venue, default_scene=None)
    core.epochs.bump(operator_id=place.operator_id, topic=core.epochs.Topic.SIGNAGE)
    return venue


def test_everything_is_one_query_once_the_player_was_seen(place, django_assert_num_queries):
    subject_id = place.subject("recognise", "personalise")
    asked(place)

    with django_assert_num_queries(1):
        now = asked(place, [subject_id])

    assert now.situation.venue_id == place.venue_id
    assert now.persons[subject_id].purposes == {"recognise", "personalise"}
    assert now.versions == core.epochs.versions(operator_id=place.operator_id)


def test_a_player_that_was_moved_is_asked_about_where_it_stands_now(place):
    asked(place)
    venue = move(place)

    with CaptureQueriesContext(connection) as queries:
        now = asked(place)

    assert (now.situation.venue_id, now.situation.timezone) == (venue.id, "Asia/Tokyo")
    assert len([one for one in queries if "epoch_versions" in one["sql"]]) == 2


def test_a_change_of_signage_elsewhere_costs_no_second_question(place):
    asked(place)
    signage.services.add_venue(
        operator_id=place.operator_id, name="Elsewhere", category="transit", timezone="Asia/Tokyo", actor="test"
    )

    with CaptureQueriesContext(connection) as queries:
        asked(place)

    assert len([one for one in queries if "epoch_versions" in one["sql"]]) == 1


def test_a_player_that_was_unpaired_is_refused_although_the_process_remembers_it(place):
    asked(place)
    signage.services.unpair(
        operator_id=place.operator_id, player_id=place.player_id, actor="test", at=place.at + timedelta(seconds=1)
    )

    with pytest.raises(PlayerNotPaired):
        asked(place)
