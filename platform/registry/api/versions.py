"""Model versions over HTTP: list and read."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from core.ids import parse_public_id
from registry import selectors
from registry.api.shapes import ModelPageSerializer, ModelSerializer, document

PAGE = 50


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
