"""The OpenAPI document: what every operation shares beyond its own bodies.

Each operation names the problem details it may answer with (RFC 9457), and each repeatable write its Idempotency-Key.
"""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from core.idempotency import HEADER, is_idempotent

PROBLEM_TYPE = "application/problem+json"
_KEY = OpenApiParameter(
    HEADER, str, OpenApiParameter.HEADER,
    description="8 to 255 printable ASCII characters: the same write sent twice is done once and answered twice.",
)  # fmt: skip

_FIELD_ERROR = {
    "type": "object",
    "description": "What is wrong with one field.",
    "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
    "required": ["field", "code"],
}
_PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string", "description": "The same for every occurrence of the code."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What happened this time, and what to do."},
        "code": {"type": "string", "description": "A stable word to switch on."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        "request_id": {"type": "string", "description": "Leads to the log entry; also in X-Request-Id."},
    },
    "required": ["type", "title", "status", "detail", "code", "errors", "request_id"],
}
_MEANINGS = {
    "400": "The request has the wrong shape; errors[] names each field.",
    "401": "No credential, or one that is unknown, expired or revoked.",
    "403": "The credential does not allow this.",
    "404": "No such thing for this operator.",
    "406": "The answer comes as JSON only.",
    "409": "The request contradicts the present state.",
    "413": "The body is too large.",
    "415": "The body comes in a content type that is not taken here.",
    "422": "Understood, and still nothing can be done with it; code says why.",
    "429": "Too many requests; wait as long as Retry-After says.",
    "503": "A dependency is down and nothing was stored; wait as long as Retry-After says.",
}
_HEADERS = {
    "401": ("WWW-Authenticate", "The scheme to authenticate with."),
    "429": ("Retry-After", "Seconds."),
    "503": ("Retry-After", "Seconds."),
}


class Schema(AutoSchema):
    """Describes one operation."""

    def get_override_parameters(self) -> list[Any]:
        """Return the Idempotency-Key for writes that honour it."""
        handler = getattr(self.view, self.method.lower(), None)
        return [_KEY] if is_idempotent(handler) else []


def document_problems(result: dict[str, Any], **_context: object) -> dict[str, Any]:
    """Add the problem details to every operation of the document (a post-processing hook of drf-spectacular)."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update(Problem=_PROBLEM, FieldError=_FIELD_ERROR)
    components.setdefault("responses", {}).update({f"Problem{status}": _response(status) for status in _MEANINGS})
    for path in result["paths"].values():
        for method, operation in path.items():
            operation.setdefault("security", [])
            for status in _statuses(method, operation):
                operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})
    return result


def _statuses(method: str, operation: dict[str, Any]) -> Iterator[str]:
    """Yield what an operation may answer besides success."""
    yield from ("400", "404", "406", "429", "503")
    if operation["security"]:
        yield from ("401", "403")
    if method != "get":
        yield from ("409", "413", "415", "422")


def _response(status: str) -> dict[str, Any]:
    headers = {"X-Request-Id": "Leads to the log entry."} | dict([_HEADERS[status]] if status in _HEADERS else [])
    return {
        "description": _MEANINGS[status],
        "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()},
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
