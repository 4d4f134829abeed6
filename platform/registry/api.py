"""Model versions over HTTP: list, read, activate, roll back."""

from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from core.idempotency import idempotent
from core.ids import parse_public_id, public_id
from core.problems import Malformed
from core.times import utc
from registry import selectors, services
from registry.models import Kind, ModelVersion, Stage

PAGE = 50


class ModelSerializer(serializers.Serializer[Any]):
    """One model version."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    stage = serializers.ChoiceField(choices=Stage.choices)
    verdict = serializers.CharField(help_text="Why it was activated, or why not.")
    metrics = serializers.DictField(help_text="Measured on rows later than those it learnt from.")
    run = serializers.CharField(allow_null=True, help_text="The training run it came from.")
    spec_digest = serializers.CharField(help_text="SHA-256 of the feature specification.")
    data_digest = serializers.CharField(help_text="SHA-256 of the training data.")
    file_digest = serializers.CharField(help_text="SHA-256 of the ONNX file; decisions name it as their model.")
    bytes = serializers.IntegerField()
    consent_snapshot = serializers.DictField(help_text="How many people consented to what when the data were exported.")
    code_version = serializers.CharField()
    seed = serializers.IntegerField()
    trained_at = serializers.DateTimeField()
    awaits_retrain_since = serializers.DateTimeField(
        allow_null=True, help_text="When somebody it had learnt from was erased; it is never activated again."
    )


class ModelPageSerializer(serializers.Serializer[Any]):
    """Some model versions, newest first."""

    models = ModelSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Pass it as cursor to continue; null at the end.")


def document(version: ModelVersion) -> dict[str, Any]:
    """Return a version as the API shows it."""
    return {
        "id": version.public_id,
        "kind": version.kind,
        "stage": version.stage,
        "verdict": version.verdict,
        "metrics": version.metrics,
        "run": public_id("run", version.run_id) if version.run_id else None,
        "spec_digest": version.spec_digest,
        "data_digest": version.data_digest,
        "file_digest": version.file_digest,
        "bytes": version.bytes,
        "consent_snapshot": version.consent_snapshot,
        "code_version": version.code_version,
        "seed": version.seed,
        "trained_at": utc(version.trained_at),
        "awaits_retrain_since": utc(version.awaits_retrain_since) if version.awaits_retrain_since else None,
    }


class Models(APIView):
    """All versions of the operator's ranking model."""

    scopes = ("models", "read")

    @extend_schema(
        operation_id="list_models",
        parameters=[OpenApiParameter("cursor", str, description="The next of the page before.")],
        responses=ModelPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List model versions, newest first."""
        cursor = request.query_params.get("cursor")
        before = parse_public_id("mdl", cursor) if cursor is not None else None
        found = selectors.versions(operator_id=caller(request).operator_id, before=before, limit=PAGE + 1)
        page = found[:PAGE]
        return Response(
            {
                "models": [document(version) for version in page],
                "next": page[-1].public_id if len(found) > PAGE else None,
            }
        )


class Model(APIView):
    """One version."""

    scopes = ("models", "read")

    @extend_schema(operation_id="read_model", responses=ModelSerializer)
    def get(self, request: Request, model: str) -> Response:
        """Read one model version."""
        version_id = parse_public_id("mdl", model)
        return Response(document(selectors.get(operator_id=caller(request).operator_id, version_id=version_id)))


class Activation(APIView):
    """Which version serves."""

    scopes = ("models",)

    @extend_schema(operation_id="activate_model", request=None, responses=ModelSerializer)
    @idempotent
    def post(self, request: Request, model: str) -> Response:
        """Let a version serve from the next decision on; 409 when its file cannot be served."""
        _refuse_body(request)
        version = services.activate(
            operator_id=caller(request).operator_id,
            version_id=parse_public_id("mdl", model),
            actor=caller(request).actor,
        )
        return Response(document(version))


class Rollback(APIView):
    """The way back."""

    scopes = ("models",)

    @extend_schema(operation_id="roll_back_model", request=None, responses=ModelSerializer)
    @idempotent
    def post(self, request: Request) -> Response:
        """Let the version serve again that served before; 409 when there was none."""
        _refuse_body(request)
        return Response(
            document(services.rollback(operator_id=caller(request).operator_id, actor=caller(request).actor))
        )


def _refuse_body(request: Request) -> None:
    given = cast(dict[str, object], request.data)
    if given:
        raise Malformed("This call takes no body.", errors=[{"field": name, "code": "unknown"} for name in given])
