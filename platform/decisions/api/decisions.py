"""Decisions over HTTP: make one, explain one."""

from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import core.epochs
import signage.serving
from accounts.principal import Principal, caller
from core.api import json_response
from core.idempotency import idempotent
from core.ids import parse_public_id
from core.problems import Forbidden
from decisions import selectors, services, wish
from decisions.api.shapes import (
    DecisionSerializer,
    ExplanationSerializer,
    WishSerializer,
    explanation_document,
    slate_document,
)
from decisions.models import Decision as Row
from decisions.phases import Phases


class Decisions(APIView):
    """What a player's screen shows next."""

    scopes = ("device",)

    @extend_schema(
        operation_id="create_decision",
        request=WishSerializer,
        responses=DecisionSerializer,
    )
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        """Decide what to show next, and log it with its reasons and propensities.

        An answer with ``degraded`` may be played like any other. 409 ``nothing_eligible``: play the offline bundle.
        """
        principal = caller(request)
        phases = Phases()
        slate = services.decide(
            operator_id=principal.operator_id,
            player_id=player_of(principal),
            wish=wish.parse(request.data),
            at=timezone.now(),
            phases=phases,
        )
        return json_response(slate_document(slate), headers={"Server-Timing": phases.header()})


class Decision(APIView):
    """One decision of the log."""

    scopes = ("device", "read")

    @extend_schema(operation_id="read_decision", responses=ExplanationSerializer)
    def get(self, request: Request, decision: str) -> Response:
        """Explain a decision: its basis, purposes, reasons and propensities. A player sees those of its screen."""
        found = selectors.get(
            operator_id=caller(request).operator_id,
            decision_id=parse_public_id(Row.PREFIX, decision),
            screen_id=_only_screen(caller(request)),
        )
        return Response(explanation_document(found))


def player_of(principal: Principal) -> UUID:
    """Return the player that calls.

    Raises:
        Forbidden: the credential belongs to no player.
    """
    if principal.device_id is None:
        raise Forbidden("Only a paired player may call this; pair it and use its device token.")
    return principal.device_id


def _only_screen(principal: Principal) -> UUID | None:
    if principal.device_id is None:
        return None
    versions = core.epochs.versions(operator_id=principal.operator_id)
    return signage.serving.situation(principal.operator_id, principal.device_id, versions).screen_id
