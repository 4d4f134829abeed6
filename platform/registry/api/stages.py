"""Which version serves, and which are tried beside it, over HTTP."""

from collections.abc import Callable
from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from core.idempotency import idempotent
from core.ids import parse_public_id
from core.problems import Malformed
from registry import services
from registry.api.shapes import ModelSerializer, RetirementSerializer, ShareSerializer, checked, document
from registry.models import ModelVersion


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


class Shadow(APIView):
    """Which version scores beside the champion."""

    scopes = ("models",)

    @extend_schema(operation_id="shadow_model", request=ShareSerializer, responses=ModelSerializer)
    @idempotent
    def post(self, request: Request, model: str) -> Response:
        """Let a version score beside the champion, or change its share of decisions; nothing it says is shown."""
        return _tried(services.start_shadow, request, model)


class Canary(APIView):
    """Which version decides at some screens."""

    scopes = ("models",)

    @extend_schema(operation_id="canary_model", request=ShareSerializer, responses=ModelSerializer)
    @idempotent
    def post(self, request: Request, model: str) -> Response:
        """Let a version decide at some screens, or change their share; guardrails roll it back by themselves."""
        return _tried(services.start_canary, request, model)


class Retirement(APIView):
    """Out of use."""

    scopes = ("models",)

    @extend_schema(operation_id="retire_model", request=RetirementSerializer, responses=ModelSerializer)
    @idempotent
    def post(self, request: Request, model: str) -> Response:
        """Take a candidate, shadow or canary out of use; 409 for the champion."""
        body = checked(RetirementSerializer, request.data)
        version = services.retire(
            operator_id=caller(request).operator_id,
            version_id=parse_public_id("mdl", model),
            actor=caller(request).actor,
            reason=body.get("reason", ""),
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


def _tried(start: Callable[..., ModelVersion], request: Request, model: str) -> Response:
    body, who = checked(ShareSerializer, request.data), caller(request)
    version = start(
        operator_id=who.operator_id, version_id=parse_public_id("mdl", model), actor=who.actor, share=body.get("share")
    )
    return Response(document(version))


def _refuse_body(request: Request) -> None:
    given = cast(dict[str, object], request.data)
    if given:
        raise Malformed("This call takes no body.", errors=[{"field": name, "code": "unknown"} for name in given])
