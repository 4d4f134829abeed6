"""JSON by orjson for DRF: stricter and faster than the standard library's."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import parsers, renderers

from core.problems import Malformed

MAXIMUM_DEPTH = 32
"""How deep objects and lists may lie inside each other; nothing in the API needs more than a handful."""


class JSONParser(parsers.JSONParser):
    """Parse a JSON object with orjson."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the body.

        Raises:
            Malformed: no JSON (NaN and Infinity are none), not an object, nested too deeply, or with the character
                U+0000, which PostgreSQL cannot store.
            RequestDataTooBig: it is longer than ``DATA_UPLOAD_MAX_MEMORY_SIZE``.
        """
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig(
                f"A JSON body may have {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes; send less at once."
            )
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Malformed(f"The body is no JSON: {error}.") from error
        if not isinstance(value, dict):
            raise Malformed(f"Expected a JSON object, got {type(value).__name__}.")
        if body.count(b"{") + body.count(b"[") > MAXIMUM_DEPTH or b"\\u0000" in body:
            _refuse_unstorable(value)
        return value


def _refuse_unstorable(value: Any) -> None:
    """Look at every object, list and text, level by level."""
    level: list[Any] = [value]
    for _ in range(MAXIMUM_DEPTH + 1):
        if any("\0" in text for text in level if isinstance(text, str)):
            raise Malformed("A text contains the character U+0000, which cannot be stored.")
        level = [inner for outer in level if isinstance(outer, (dict, list)) for inner in _inside(outer)]
        if not level:
            return
    raise Malformed(f"Objects and lists may lie {MAXIMUM_DEPTH} deep inside each other.")


def _inside(outer: dict[str, Any] | list[Any]) -> list[Any]:
    return [*outer.keys(), *outer.values()] if isinstance(outer, dict) else outer


class JSONRenderer(renderers.JSONRenderer):
    """Write JSON with orjson."""

    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the bytes of the answer."""
        return b"" if data is None else orjson.dumps(data, default=str)
