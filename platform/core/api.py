"""What every door of the REST API shares: JSON by orjson, problem details, ids and times as the API writes them."""

import logging
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFilesSent, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions, parsers, renderers, serializers, views
from rest_framework.response import Response

from core.middleware import database_down, respond
from core.problems import Malformed, NotFound, Problem

logger = logging.getLogger(__name__)


class JSONParser(parsers.JSONParser):
    """Parse a JSON object with orjson."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the body.

        Raises:
            Malformed: no JSON (NaN and Infinity are none), or not an object.
        """
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig(f"A JSON body may have {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes; send less at once.")
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Malformed(f"The body is no JSON: {error}.") from error
        if not isinstance(value, dict):
            raise Malformed(f"Expected a JSON object, got {type(value).__name__}.")
        return value


class JSONRenderer(renderers.JSONRenderer):
    """Write JSON with orjson."""

    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the bytes of the answer."""
        return b"" if data is None else orjson.dumps(data, default=str)


def json_response(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return an answer of the hot path: orjson, without content negotiation."""
    return HttpResponse(orjson.dumps(data), status=status, content_type="application/json", headers=dict(headers or {}))


def problem_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Answer any error of a DRF view as problem details; what nobody foresaw is left to the 500 handler."""
    problem = as_problem(error)
    if problem is None:
        return None
    views.set_rollback()
    return respond(context["request"], problem)


def as_problem(error: Exception) -> Problem | None:
    """Return the problem an exception stands for, or None when it is a defect of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.error("The database is unavailable: %s", type(error).__name__)
        return database_down()
    if isinstance(error, serializers.ValidationError):
        return Malformed("The body has the wrong shape; errors[] names each field.", errors=list(_flatten(error.detail)))
    if isinstance(error, ValidationError):
        return Malformed("; ".join(error.messages))
    if isinstance(error, Http404):
        return NotFound(str(error) or "No such thing for this operator.")
    if isinstance(error, (RequestDataTooBig, TooManyFilesSent)):
        return _framework_problem(413, "too_large", "Body too large", str(error))
    if isinstance(error, PermissionDenied):
        return _framework_problem(403, "forbidden", "Not allowed", str(error))
    if isinstance(error, exceptions.APIException):
        return _api_problem(error)
    return None


_FRAMEWORK_CODES = {
    400: ("malformed", "Malformed request"),
    401: ("unauthenticated", "Authentication required"),
    403: ("forbidden", "Not allowed"),
    404: ("not_found", "Not found"),
    405: ("method_not_allowed", "Method not allowed"),
    406: ("not_acceptable", "Not acceptable"),
    415: ("unsupported_media_type", "Unsupported media type"),
    429: ("too_many_requests", "Too many requests"),
}


def _api_problem(error: exceptions.APIException) -> Problem:
    code, title = _FRAMEWORK_CODES.get(error.status_code, ("bad_request", "Bad request"))
    problem = _framework_problem(error.status_code, code, title, str(error.detail))
    if isinstance(error, exceptions.Throttled) and error.wait is not None:
        problem.headers["Retry-After"] = str(int(error.wait) + 1)
    return problem


def _framework_problem(status: int, code: str, title: str, detail: str) -> Problem:
    kind = type("FrameworkProblem", (Problem,), {"status": status, "code": code, "title": title})
    problem = kind(detail)
    assert isinstance(problem, Problem)
    return problem


def _flatten(detail: Any, path: str = "") -> Any:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flatten(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            yield from _flatten(inner, f"{path}[{index}]" if isinstance(inner, (Mapping, list)) else path)
    else:
        yield {"field": path, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}


__all__ = ["JSONParser", "JSONRenderer", "Response", "as_problem", "json_response", "problem_handler"]
