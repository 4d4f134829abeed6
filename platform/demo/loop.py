"""The main job, as a player does it: recognise, decide, play, report; every answer printed with reasons and timings."""

from collections.abc import Callable
from uuid import UUID

from django.utils import timezone

import signage.selectors
import signage.services
import subjects.selectors
import subjects.services
from core.tenancy import operator_scope
from demo.photographs import Photographs
from demo.player import Answer, Player, engagement_of, play_of
from demo.stage import ACTOR
from subjects.purposes import Purpose

Say = Callable[[str], None]


class LoopFailed(AssertionError):
    """The demonstration did not show what it promises."""


def pair(*, operator_id: UUID, screen_name: str, connect: Callable[[str], Player], kind: str = "signage") -> str:
    """Pair a player with a screen as people do: it shows a code, a member claims it, it collects its token once.

    Args:
        connect: returns a client for a token, the empty one before pairing.
    """
    with connect("") as unpaired:
        pairing = unpaired.call("POST", "/v1/players/pairings", json={"kind": kind}).body
    name = f"{screen_name} (demo)"
    with operator_scope(operator_id):
        screen = signage.selectors.screens(operator_id=operator_id).get(name=screen_name)
        for former in signage.selectors.paired_players(operator_id=operator_id):
            if former.name == name:
                signage.services.unpair(operator_id=operator_id, player_id=former.id, actor=ACTOR, at=timezone.now())
        signage.services.claim(
            operator_id=operator_id, code=pairing["code"], screen_id=screen.id, actor=ACTOR, at=timezone.now(),
            name=name,
        )  # fmt: skip
    with connect(pairing["secret"]) as waiting:
        return str(waiting.call("GET", f"/v1/players/pairings/{pairing['pairing']}").body["token"])


def code_holder(operator_id: UUID) -> str:
    """Return a fresh code of the demo subject who wants no camera; registers them the first time."""
    with operator_scope(operator_id):
        for subject in subjects.selectors.found(operator_id=operator_id).filter(origin="demo").order_by("id"):
            purposes = {consent.purpose for consent in subject.consents.all()}
            if Purpose.RECOGNISE not in purposes and Purpose.PERSONALISE in purposes:
                return subjects.services.issue_loyalty(operator_id=operator_id, subject_id=subject.id, actor=ACTOR)
        registration = subjects.services.register(
            operator_id=operator_id, origin="demo", notice=subjects.selectors.current_notice(operator_id=operator_id),
            purposes=[Purpose.PERSONALISE, Purpose.LEARN], channel="demo", actor=ACTOR, method="demonstration",
            at=timezone.now(),
        )  # fmt: skip
    assert registration.loyalty_token is not None
    return registration.loyalty_token


def run(player: Player, photographs: Photographs, code: str, say: Say) -> None:
    """Show the main job three times: a known face, a stranger, a code.

    Raises:
        LoopFailed: an answer is not what the platform promises.
    """
    # Face models and rankers load with the first request of a process: the timings below are those of a warm server.
    for _ in range(4):
        player.recognise_frame(photographs.stranger())
        player.decide([], count=0)
    _visit(
        player, say, "A frame with an enrolled face", player.recognise_frame(photographs.enrolled_again()), "recognised"
    )
    _visit(player, say, "A frame with a stranger", player.recognise_frame(photographs.stranger()), "anonymous")
    _visit(player, say, "A QR code, no camera", player.recognise_code(code), "recognised")


def _visit(player: Player, say: Say, title: str, recognised: Answer, expected: str) -> None:
    viewers = recognised.body["viewers"]
    states = [viewer["state"] for viewer in viewers]
    say(f"\n{title}")
    say(f"  recognition  {_timing(recognised)}  {', '.join(states)}")
    _expect(states == [expected], f"expected one {expected} viewer, got {states}")
    decided = player.decide([viewer["viewer"] for viewer in viewers], count=len(viewers))
    decision = decided.body
    model = str(decision["model"])[:20]
    say(f"  decision     {_timing(decided)}  {decision['decision']}, basis {decision['basis']}, model {model}")
    for item in decision["slate"]:
        say(f"    {item['position'] + 1}. {item['title']} ({item['category']}), propensity {item['propensity']:.3f}")
        for reason in item["reasons"]:
            say(f"       {reason}")
    first = decision["slate"][0]
    events = [play_of(decision, first), engagement_of(decision, first, kind="dwell", value=6.5)]
    reported = player.report(events)
    results = [result["status"] for result in reported.body["results"]]
    say(f"  events       {_timing(reported)}  {', '.join(results)}")
    _expect(results == ["accepted", "accepted"], f"the events were not accepted: {reported.body['results']}")
    again = [result["status"] for result in player.report(events).body["results"]]
    _expect(again == ["duplicate", "duplicate"], f"the same events counted twice: {again}")


def _timing(answer: Answer) -> str:
    return f"{answer.server_ms:6.1f} ms in the server, {answer.elapsed_ms:6.1f} ms in all"


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise LoopFailed(otherwise)
