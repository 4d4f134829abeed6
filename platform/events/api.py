"""Events over HTTP."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

import core.epochs
import signage.serving
from accounts.principal import caller
from core.api import json_response
from core.problems import Forbidden, Malformed
from core.times import parse_time, utc
from events.errors import MAXIMUM_EVENTS
from events.items import PLAY
from events.models import Kind
from events.results import Code, ItemResult, Status
from events.services import ingest


class EventSerializer(serializers.Serializer[Any]):
    """A play or an engagement; which fields it has depends on its kind."""

    event_id = serializers.UUIDField(help_text="Chosen by the player; an event sent twice counts once.")
    kind = serializers.ChoiceField(choices=[PLAY, *Kind.values])
    decision = serializers.CharField(
        required=False, allow_null=True, help_text="Which decision; none for a bundle's play."
    )
    position = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    bundle = serializers.CharField(
        required=False, allow_null=True, help_text="Offline bundle of a play without a decision."
    )
    creative = serializers.CharField(required=False, allow_null=True, help_text="Required with a bundle.")
    started_at = serializers.DateTimeField(required=False, help_text="Of a play, on the player's clock.")
    duration_ms = serializers.IntegerField(required=False, help_text="Of a play, how long it was on.")
    at = serializers.DateTimeField(required=False, help_text="Of an engagement, on the player's clock.")
    value = serializers.FloatField(required=False, help_text="Of an engagement: seconds for dwell and attention.")


class BatchSerializer(serializers.Serializer[Any]):
    """What a player reports."""

    sent_at = serializers.DateTimeField(required=False, help_text="The player's clock now; repairs the events' times.")
    events = serializers.ListField(child=EventSerializer(), max_length=MAXIMUM_EVENTS)


class EventResultSerializer(serializers.Serializer[Any]):
    """What became of one event; accepted and duplicate ones are stored and may be forgotten by the player."""

    event_id = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=[status.value for status in Status])
    code = serializers.ChoiceField(choices=[code.value for code in Code], required=False)
    detail = serializers.CharField(required=False)


class ResultsSerializer(serializers.Serializer[Any]):
    """One result per event, in the batch's order."""

    received_at = serializers.DateTimeField()
    results = EventResultSerializer(many=True)


class Events(APIView):
    """What happened on a player's screen."""

    scopes = ("device",)

    @extend_schema(operation_id="report_events", request=BatchSerializer, responses=ResultsSerializer)
    def post(self, request: Request) -> HttpResponse:
        """Report plays and engagements, late and offline ones too; each is answered by itself.

        The answer leaves after the commit, so an acknowledged event is never lost. An event's id makes it count once:
        send a batch again whenever no answer came.
        """
        principal, received_at = caller(request), timezone.now()
        if principal.device_id is None:
            raise Forbidden("Only a paired player reports events; use its device token.")
        batch, sent_at = _parse(request.data)
        versions = core.epochs.versions(operator_id=principal.operator_id)
        results = ingest(
            operator_id=principal.operator_id,
            screen_id=signage.serving.situation(principal.operator_id, principal.device_id, versions).screen_id,
            player_id=principal.device_id,
            batch=batch,
            sent_at=sent_at,
            received_at=received_at,
        )
        return json_response({"received_at": utc(received_at), "results": [_document(result) for result in results]})


def _parse(body: Any) -> tuple[list[object], Any]:
    unknown = sorted(body.keys() - {"sent_at", "events"})
    errors = [{"field": name[:80], "code": "unknown", "detail": "No such field."} for name in unknown]
    if not isinstance(body.get("events"), list):
        errors.append({"field": "events", "code": "invalid", "detail": "Expected a list of events."})
    if errors:
        raise Malformed("The body has the wrong shape; errors[] names each field.", errors=errors)
    sent_at = body.get("sent_at")
    return body["events"], parse_time(sent_at, "sent_at") if sent_at is not None else None


def _document(result: ItemResult) -> dict[str, Any]:
    document: dict[str, Any] = {"event_id": result.event_id, "status": result.status.value}
    if result.code is not None:
        document |= {"code": result.code.value, "detail": result.detail}
    return document
