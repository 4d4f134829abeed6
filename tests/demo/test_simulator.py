import pytest

from core.tenancy import operator_scope
from decisions.models import Decision
from demo import catalogue, simulator
from demo.audience import Audience
from demo.simulator import EVENTS_AT_ONCE, Phase
from events.models import Engagement, Play
from subjects.models import Consent, Profile, Subject

PEOPLE, VISITS = 12, 40


@pytest.fixture
def audience():
    return Audience(people=PEOPLE, categories=[work.category for work in catalogue.FILMS], seed=7)


def test_a_simulated_audience_uses_the_platform_as_people_would(cinema, kiosk, player, audience):
    progress = []
    codes = simulator.register(kiosk, audience)

    outcomes = simulator.run(
        player, audience, codes, Phase(1, VISITS), progress=lambda done, of: progress.append((done, of))
    )

    visitors = [audience.visitor(1, visit).number for visit in range(VISITS)]
    assert [outcome.person for outcome in outcomes] == [number for number in visitors for _ in range(3)]
    assert progress == [(done, VISITS) for done in range(1, VISITS + 1)]
    with operator_scope(cinema):
        assert Subject.objects.count() == len(codes) == PEOPLE
        assert Consent.objects.filter(state="given").count() == PEOPLE * len(simulator.PURPOSES)
        assert Decision.objects.count() == VISITS
        assert Play.objects.count() == len(outcomes) == VISITS * 3
        assert Engagement.objects.count() == sum(outcome.engaged for outcome in outcomes) > 0
        assert set(Decision.objects.values_list("basis", flat=True)) == {"personal"}
        assert Profile.objects.exclude(recent=[]).exists()  # who agreed to it is remembered


def test_events_go_in_batches_and_the_last_ones_too(cinema, kiosk, player, audience, monkeypatch):
    codes, sizes, report = simulator.register(kiosk, audience), [], player.report
    monkeypatch.setattr(player, "report", lambda events: sizes.append(len(events)) or report(events))
    monkeypatch.setattr(simulator, "EVENTS_AT_ONCE", 10)

    simulator.run(player, audience, codes, Phase(1, 5), progress=lambda done, of: None)

    with operator_scope(cinema):
        assert sum(sizes) == Play.objects.count() + Engagement.objects.count()
    assert len(sizes) > 1
    assert EVENTS_AT_ONCE == 100


def test_an_event_that_is_not_accepted_stops_the_simulation(cinema, kiosk, player, audience, monkeypatch):
    codes = simulator.register(kiosk, audience)
    made = simulator.play_of
    monkeypatch.setattr(simulator, "play_of", lambda decision, item: made(decision, item) | {"position": 19})

    with pytest.raises(RuntimeError, match=r"of \d+ events were not accepted, the first: "):
        simulator.run(player, audience, codes, Phase(1, 2), progress=lambda done, of: None)
