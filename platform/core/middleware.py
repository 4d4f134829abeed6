"""Middleware: a request id on every answer, and problem details for what no view caught."""

import logging
import re
import time
from collections.abc import Callable

import orjson
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from core.ids import new_id
from core.problems import Malformed, Problem, Unavailable, problem_body

logger = logging.getLogger(__name__)

ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,80}")
Handler = Callable[[HttpRequest], HttpResponse]


class RequestId:
    """Give each request an id (the caller's own when it is well formed) and time the answer.

    The time goes into ``Server-Timing`` (W3C), which browsers and our bench read.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        begin = time.perf_counter()
        offered = request.headers.get("X-Request-Id", "")
        request.request_id = offered if ACCEPTED_REQUEST_ID.fullmatch(offered) else f"req_{new_id().hex}"  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        phases = response.headers.get("Server-Timing")
        total = f"app;dur={(time.perf_counter() - begin) * 1000:.2f}"
        response["Server-Timing"] = f"{phases}, {total}" if phases else total
        return response


class Problems:
    """Answer the API's errors outside DRF views in the same shape, and a lost database with 503."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        if "%00" in request.META.get("QUERY_STRING", ""):
            return respond(request, Malformed("A parameter contains the character U+0000, which no text here has."))
        response = self.get_response(request)
        if response.status_code in {404, 405, 500} and request.path.startswith("/v1/") and not is_problem(response):
            code, title = {404: ("not_found", "Not found"), 405: ("method_not_allowed", "Method not allowed")}.get(
                response.status_code, ("internal_error", "Internal error")
            )
            detail = (
                "The request id leads to the log entry."
                if response.status_code == 500
                else f"{request.method} {request.path}"
            )
            return problem_response(request, status=response.status_code, code=code, title=title, detail=detail)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Turn what a view let through into an answer."""
        if isinstance(error, (OperationalError, InterfaceError)):
            logger.error("The database is unavailable: %s", type(error).__name__)
            error = database_down()
        if isinstance(error, Problem) and (request.path.startswith("/v1/") or isinstance(error, Unavailable)):
            return respond(request, error)
        return None


def database_down() -> Unavailable:
    """Return the problem of a lost database."""
    return Unavailable("The database does not answer. Nothing was stored; send the same request again later.")


def is_problem(response: HttpResponse) -> bool:
    """Return whether the answer already is a problem document."""
    return response.headers.get("Content-Type", "").startswith("application/problem+json")


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return the problem as an HTTP answer."""
    body = problem.body(getattr(request, "request_id", ""))
    response = HttpResponse(orjson.dumps(body), status=problem.status, content_type="application/problem+json")
    for name, value in problem.headers.items():
        response[name] = value
    return response


def problem_response(request: HttpRequest, *, status: int, code: str, title: str, detail: str) -> HttpResponse:
    """Return a problem that no ``Problem`` class names."""
    body = problem_body(
        status=status, code=code, title=title, detail=detail, request_id=getattr(request, "request_id", "")
    )
    return HttpResponse(orjson.dumps(body), status=status, content_type="application/problem+json")
