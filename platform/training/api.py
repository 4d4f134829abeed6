"""Trainings over HTTP: list, read, ask for one; and the alerts about the model that serves."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from core.idempotency import idempotent
from core.ids import parse_public_id, public_id
from core.pagination import PARAMETERS, listed, page_of
from core.problems import Malformed
from core.times import utc
from training import selectors, services
from training.models import Alert, AlertKind, Run, Severity, State, Trigger

PAGE = 50


class ProgressSerializer(serializers.Serializer[Any]):
    """Where a run is."""

    stage = serializers.CharField()
    done = serializers.IntegerField()
    of = serializers.IntegerField()
    message = serializers.CharField()


class RunSerializer(serializers.Serializer[Any]):
    """One training."""

    id = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices)
    trigger = serializers.ChoiceField(choices=Trigger.choices)
    requested_at = serializers.DateTimeField()
    requested_by = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    progress = ProgressSerializer(allow_null=True, help_text="Null before the first stage.")
    reason_code = serializers.CharField(allow_null=True, help_text="Why it failed, as a word; null unless it did.")
    reason = serializers.CharField(allow_null=True, help_text="Why it failed, as a sentence; null unless it did.")
    metrics = serializers.DictField(help_text="What the gate measured on later rows.")
    model = serializers.CharField(allow_null=True, help_text="The registered model version.")


class RunPageSerializer(serializers.Serializer[Any]):
    """Some runs, newest first."""

    runs = RunSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Pass it as cursor to continue; null at the end.")


def document(run: Run) -> dict[str, Any]:
    """Return a run as the API shows it."""
    return {
        "id": run.public_id,
        "state": run.state,
        "trigger": run.trigger,
        "requested_at": utc(run.created_at),
        "requested_by": run.requested_by,
        "started_at": utc(run.started_at) if run.started_at else None,
        "finished_at": utc(run.finished_at) if run.finished_at else None,
        "progress": run.progress or None,
        "reason_code": run.reason_code or None,
        "reason": run.reason or None,
        "metrics": run.metrics,
        "model": public_id("mdl", run.model_version_id) if run.model_version_id else None,
    }


class Runs(APIView):
    """All trainings of the operator."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Reading needs less than asking."""
        return ("models",) if self.request.method == "POST" else ("models", "read")

    @extend_schema(
        operation_id="list_runs",
        parameters=[OpenApiParameter("cursor", str, description="The next of the page before.")],
        responses=RunPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List trainings, newest first."""
        cursor = request.query_params.get("cursor")
        before = parse_public_id("run", cursor) if cursor is not None else None
        found = selectors.runs(operator_id=caller(request).operator_id, before=before, limit=PAGE + 1)
        page = found[:PAGE]
        return Response(
            {"runs": [document(run) for run in page], "next": page[-1].public_id if len(found) > PAGE else None}
        )

    @extend_schema(operation_id="request_run", request=None, responses={202: RunSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Ask for a training; while one waits already, that one is answered."""
        if request.data:
            unknown = [{"field": str(name), "code": "unknown"} for name in request.data]
            raise Malformed("This call takes no body.", errors=unknown)
        asking = caller(request)
        run = services.request_run(operator_id=asking.operator_id, trigger=Trigger.DEMAND, actor=asking.actor)
        return Response(document(run), status=202)


class OneRun(APIView):
    """One training."""

    scopes = ("models", "read")

    @extend_schema(operation_id="read_run", responses=RunSerializer)
    def get(self, request: Request, run: str) -> Response:
        """Read one training: its state, progress and what came of it."""
        run_id = parse_public_id("run", run)
        return Response(document(selectors.get(operator_id=caller(request).operator_id, run_id=run_id)))


class AlertSerializer(serializers.Serializer[Any]):
    """Something about the champion's data or forecasts that is not as it was when it learnt."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=AlertKind.choices)
    subject = serializers.CharField(allow_null=True, help_text="The feature; null where it is about the model.")
    severity = serializers.ChoiceField(choices=Severity.choices)
    value = serializers.FloatField()
    threshold = serializers.FloatField()
    sentence = serializers.CharField()
    model = serializers.CharField(help_text="The champion it was measured for.")
    raised_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)


def alert_document(alert: Alert) -> dict[str, Any]:
    """Return an alert as the API shows it."""
    return {
        "id": alert.public_id,
        "kind": alert.kind,
        "subject": alert.subject or None,
        "severity": alert.severity,
        "value": alert.value,
        "threshold": alert.threshold,
        "sentence": alert.sentence,
        "model": public_id("mdl", alert.version_id),
        "raised_at": utc(alert.raised_at),
        "seen_at": utc(alert.seen_at),
        "resolved_at": utc(alert.resolved_at) if alert.resolved_at else None,
    }


class Alerts(APIView):
    """What has drifted."""

    scopes = ("models", "read")

    @extend_schema(operation_id="list_alerts", parameters=PARAMETERS, responses=page_of(AlertSerializer))
    def get(self, request: Request) -> Response:
        """List alerts, newest first, resolved ones too."""
        return listed(request, selectors.alerts(operator_id=caller(request).operator_id), alert_document)
