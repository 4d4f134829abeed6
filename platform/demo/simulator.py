"""Lets a simulated audience stand before a screen and drives the public API, before and after training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from demo.audience import Audience, Person
from demo.comparison import Outcome
from demo.player import Player, engagement_of, play_of

EVENTS_AT_ONCE = 100
DWELL_SECONDS = 8.0
PURPOSES = ["personalise", "learn", "measure"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of visits under whatever policy the platform has active."""

    number: int
    visits: int


def register(kiosk: Player, audience: Audience) -> dict[int, str]:
    """Let everybody consent at the kiosk without showing their face; return each person's code."""
    notice = kiosk.call("GET", "/v1/notices/current").body
    codes = {}
    for person in audience.people:
        answer = kiosk.call(
            "POST", "/v1/subjects", json={"notice": notice["id"], "purposes": PURPOSES, "channel": "kiosk"}
        )
        codes[person.number] = answer.body["loyalty_token"]
    return codes


def run(
    player: Player, audience: Audience, codes: Mapping[int, str], phase: Phase, *, progress: Progress
) -> list[Outcome]:
    """Let people come by one after the other; return what was shown to whom and whether they engaged.

    Every visit is recognised by code, decided, played and reported through the API. Events go in batches, as a player
    with a slow connection would send them.
    """
    outcomes: list[Outcome] = []
    events: list[dict[str, Any]] = []
    for visit in range(phase.visits):
        person = audience.visitor(phase.number, visit)
        recognised = player.recognise_code(codes[person.number]).body
        decision = player.decide([viewer["viewer"] for viewer in recognised["viewers"]], count=1).body
        for item in decision["slate"]:
            engaged = audience.engages(person, item["category"], phase=phase.number, visit=visit)
            outcomes.append(Outcome(person.number, engaged))
            events += _events(decision, item, engaged=engaged)
        if len(events) >= EVENTS_AT_ONCE or visit == phase.visits - 1:
            _report(player, events)
            events = []
        progress(visit + 1, phase.visits)
    return outcomes


def oracle_rate(audience: Audience, categories: list[str]) -> float:
    """Return the engagement rate of a policy that knew every taste: the ceiling."""
    best = [max(person.probability(category) for category in categories) for person in audience.people]
    return sum(best) / len(best)


def _events(decision: Mapping[str, Any], item: Mapping[str, Any], *, engaged: bool) -> list[dict[str, Any]]:
    play = play_of(decision, item)
    return [play, engagement_of(decision, item, kind="dwell", value=DWELL_SECONDS)] if engaged else [play]


def _report(player: Player, events: list[dict[str, Any]]) -> None:
    results = player.report(events).body["results"]
    refused = [result for result in results if result["status"] != "accepted"]
    if refused:
        raise RuntimeError(f"{len(refused)} of {len(results)} events were not accepted, the first: {refused[0]}.")


__all__ = ["Audience", "Person", "Phase", "oracle_rate", "register", "run"]
