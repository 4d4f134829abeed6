"""Lists of the API: one page at a time, newest first, continued with an opaque cursor.

A cursor names the last row seen, not a page number, so that rows added meanwhile neither repeat nor hide others.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.models import Record
from core.problems import Malformed

DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 200
PARAMETERS = [
    OpenApiParameter("cursor", str, description="The next_cursor of the page before; without it, the first page."),
    OpenApiParameter("limit", int, description=f"Rows of a page, 1 to {MAXIMUM_LIMIT}; {DEFAULT_LIMIT} by default."),
]
"""Query parameters of a list, for ``extend_schema``."""

R = TypeVar("R", bound=Record)


def listed(request: Request, rows: QuerySet[R], document: Callable[[R], dict[str, Any]]) -> Response:
    """Answer one page of ``rows``, newest first: ``{"items": […], "next_cursor": …}``.

    Raises:
        Malformed: a cursor that was not made here, or a limit out of range.
    """
    found, cursor = page(rows, cursor=request.query_params.get("cursor"), limit=request.query_params.get("limit"))
    return Response({"items": [document(row) for row in found], "next_cursor": cursor})


def page(rows: QuerySet[R], *, cursor: str | None, limit: str | None) -> tuple[list[R], str | None]:
    """Return the page of ``rows`` after ``cursor`` and the cursor of the next one, None at the end (one query).

    Raises:
        Malformed: a cursor that was not made here, or a limit out of range.
    """
    size = _limit(limit)
    if cursor is not None:
        rows = rows.filter(id__lt=_position(cursor))
    found = list(rows.order_by("-id")[: size + 1])
    return found[:size], _cursor(found[size - 1].id) if len(found) > size else None


def page_of(item: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return the shape of a page of ``item`` for the OpenAPI document."""
    shape: serializers.Serializer[Any] = inline_serializer(
        name=f"{item.__name__.removesuffix('Serializer')}Page",
        fields={
            "items": item(many=True),
            "next_cursor": serializers.CharField(allow_null=True, help_text="Pass it as cursor; null at the end."),
        },
    )
    return shape


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdecimal() or len(text) > 4 or not 1 <= int(text) <= MAXIMUM_LIMIT:
        raise Malformed(f"limit: expected a number from 1 to {MAXIMUM_LIMIT}, got {text[:20]!r}.")
    return int(text)


def _cursor(row_id: UUID) -> str:
    return base64.urlsafe_b64encode(row_id.bytes).rstrip(b"=").decode()


def _position(cursor: str) -> UUID:
    try:
        return UUID(bytes=base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise Malformed("cursor: pass the next_cursor of the page before as it is.") from error
