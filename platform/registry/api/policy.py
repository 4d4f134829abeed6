"""The terms of promotion over HTTP."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from core.idempotency import idempotent
from registry import selectors, services
from registry.api.shapes import PolicySerializer, checked


class Policy(APIView):
    """On what terms the operator's models are promoted."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Reading needs less than changing."""
        return ("models",) if self.request.method == "POST" else ("models", "read")

    @extend_schema(operation_id="read_model_policy", responses=PolicySerializer)
    def get(self, request: Request) -> Response:
        """Read the terms of promotion."""
        return Response(selectors.policy(operator_id=caller(request).operator_id).document())

    @extend_schema(operation_id="set_model_policy", request=PolicySerializer, responses={200: PolicySerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Change some of the terms; what is left out stays as it is."""
        changes, who = checked(PolicySerializer, request.data), caller(request)
        changed = services.set_policy(operator_id=who.operator_id, changes=changes, actor=who.actor)
        return Response(changed.document())
