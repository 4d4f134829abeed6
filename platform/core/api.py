"""What every door of the REST API shares: answers and problem details."""

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFilesSent, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions, serializers, views
from rest_framework.response import Response

from core.middleware import database_down, respond
from core.problems import Malformed, NotFound, Problem

logger = logging.getLogger(__name__)


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
        return Malformed(
            "The body has the wrong shape; errors[] names each field.", errors=list(_flatten(error.detail))
        )
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
    if isinstance(error, exceptions.Throttled):
        problem.headers["Retry-After"] = str(max(1, int(getattr(error, "wait", None) or 0)))
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


__all__ = ["Response", "as_problem", "json_response", "problem_handler"]
