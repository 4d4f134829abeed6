"""Draw what somebody has to do before a camera, so that no picture can be enrolled."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import identities.selectors
from accounts.principal import caller
from core.encoding import JSONParser
from core.times import utc
from faceid.liveness.challenge import Challenge, Colour, Step
from identities.challenges import issue

_CSS = {
    Colour.RED: "#ff0000",
    Colour.GREEN: "#00ff00",
    Colour.BLUE: "#0000ff",
    Colour.CYAN: "#00ffff",
    Colour.MAGENTA: "#ff00ff",
    Colour.YELLOW: "#ffff00",
}


class StepAnswer(serializers.Serializer[Any]):
    """One thing to do."""

    kind = serializers.CharField(help_text="turn_left, turn_right, close_eyes, come_closer or flashes")
    begins_ms = serializers.IntegerField(help_text="Milliseconds after the first step began.")
    duration_ms = serializers.IntegerField()
    colours = serializers.ListField(
        child=serializers.CharField(), help_text="For flashes: what the whole screen shows, each for the same time."
    )


class ChallengeAnswer(serializers.Serializer[Any]):
    """A drawn challenge."""

    challenge = serializers.CharField(help_text="Send it back with the enrolment; good for one answer by you.")
    supervision = serializers.CharField(help_text="unattended, or attended: then a member of staff may vouch instead.")
    steps = StepAnswer(many=True)
    looks_ms = serializers.ListField(
        child=serializers.IntegerField(), help_text="When to take a look, milliseconds after the first step began."
    )
    expires_at = serializers.DateTimeField()


class Challenges(APIView):
    """Challenges; nothing is stored until one is answered."""

    scopes = ("kiosk", "subjects")
    parser_classes = (JSONParser,)

    @extend_schema(operation_id="draw_challenge", request=None, responses={201: ChallengeAnswer})
    def post(self, request: Request) -> Response:
        """Draw a challenge for an enrolment by the same caller; it can be answered once, within 90 seconds."""
        assert request.data is not None
        principal = caller(request)
        issued = issue(operator_id=principal.operator_id, actor=principal.actor, at=timezone.now())
        answer = {
            "challenge": issued.token,
            "supervision": identities.selectors.supervision(operator_id=principal.operator_id).value,
            "steps": [_step(issued.challenge, number, step) for number, step in enumerate(issued.challenge.steps)],
            "looks_ms": [round(at * 1000) for at in issued.challenge.looks_at()],
            "expires_at": utc(issued.challenge.expires_at),
        }
        return Response(answer, status=201, headers={"Cache-Control": "no-store"})


def _step(challenge: Challenge, number: int, step: Step) -> dict[str, Any]:
    return {
        "kind": step.kind.value,
        "begins_ms": round(challenge.begins(number) * 1000),
        "duration_ms": round(step.seconds * 1000),
        "colours": [_CSS[colour] for colour in step.colours],
    }
