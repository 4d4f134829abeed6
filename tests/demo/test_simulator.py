from collections.abc import Callable
from uuid import UUID

import pytest
from django.conf import settings
from django.utils import timezone

import catalog.selectors
import events.selectors
import signage.selectors
import subjects.selectors
from accounts.roles import Scope
from accounts.services import issue_api_key
from core.tenancy import operator_scope
from demo import catalogue, loop, stage
from demo.audience import Audience
from demo.photographs import Photographs
from demo.player import Player, Refused
from demo.simulator import Phase, oracle_rate, register, run

CATEGORIES = [work.category for work in catalogue.FILMS]


def test_an_audience_is_recognised_served_and_counted_through_the_api(
    cinema: UUID, connect: Callable[[str], Player]
) -> None:
    audience = Audience(people=8, categories=CATEGORIES, seed=1)
    key = issue_api_key(operator_id=cinema, name="kiosk", scopes=[Scope.SUBJECTS, Scope.KIOSK])
    codes = register(connect(key), audience)
    token = loop.pair(operator_id=cinema, screen_name="Box office queue", connect=connect)

    shown = run(connect(token), audience, codes, Phase(1, 20), progress=lambda done, of: None)

    assert len(codes) == 8
    assert len(shown) == 60  # three places at the box office
    with operator_scope(cinema):
        rows = list(events.selectors.examples(operator_id=cinema, until=timezone.now()))
        assert subjects.selectors.count(operator_id=cinema) == 8
    assert len(rows) == 60
    assert sum(row["label"] for row in rows) == sum(outcome.engaged for outcome in shown)
    assert all(row["viewer"] for row in rows)


def test_the_main_job_runs_as_promised(cinema: UUID, connect: Callable[[str], Player]) -> None:
    with operator_scope(cinema):
        stage.enrol_people(cinema, lambda line: None)
    token = loop.pair(operator_id=cinema, screen_name="Lobby wall", connect=connect)
    lines: list[str] = []

    loop.run(connect(token), Photographs(settings.CARRIERS), loop.code_holder(cinema), lines.append)

    said = "\n".join(lines)
    assert said.count("recognised") == 2
    assert said.count("anonymous") == 1
    assert said.count("accepted, accepted") == 3


def test_pairing_again_takes_the_former_demo_player_off(cinema: UUID, connect: Callable[[str], Player]) -> None:
    former = loop.pair(operator_id=cinema, screen_name="Lobby wall", connect=connect)
    token = loop.pair(operator_id=cinema, screen_name="Lobby wall", connect=connect)

    assert connect(token).decide([], count=0).body["slate"]
    with pytest.raises(Refused, match="401 unauthenticated"):
        connect(former).decide([], count=0)


def test_the_code_holder_stays_one_person(cinema: UUID) -> None:
    first, second = loop.code_holder(cinema), loop.code_holder(cinema)

    assert first != second
    with operator_scope(cinema):
        assert subjects.selectors.count(operator_id=cinema) == 1


@pytest.mark.django_db
def test_building_twice_adds_nothing(own_state: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.artwork.SIZE", (160, 90))
    operator_id = stage.build(password="a-password-of-the-demo", say=lambda line: None)
    before = _rows(operator_id)

    assert stage.build(password="another", say=lambda line: None) == operator_id
    assert _rows(operator_id) == before == (50, 4, 2)


def test_nobody_engages_more_than_a_policy_that_knew_every_taste() -> None:
    audience = Audience(people=30, categories=CATEGORIES, seed=1)

    best = oracle_rate(audience, CATEGORIES)

    assert all(person.probability(category) <= 1 for person in audience.people for category in CATEGORIES)
    assert best > sum(person.probability(CATEGORIES[0]) for person in audience.people) / 30


def _rows(operator_id: UUID) -> tuple[int, int, int]:
    with operator_scope(operator_id):
        return (
            catalog.selectors.creatives(operator_id=operator_id).count(),
            signage.selectors.screens(operator_id=operator_id).count(),
            subjects.selectors.count(operator_id=operator_id),
        )
