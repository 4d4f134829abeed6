"""Idempotency keys: the same write sent twice is done once and answered twice.

After draft-ietf-httpapi-idempotency-key-header: the key is bound to the caller and to the request's content.
"""

import hashlib
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

import orjson
from django.db import connection
from django.http import HttpResponse, QueryDict
from rest_framework.request import Request

from core.models import Reply
from core.problems import Conflict, Malformed
from core.sealing import seal, unseal

HEADER = "Idempotency-Key"
P = ParamSpec("P")


class KeyReused(Conflict):
    """The Idempotency-Key was used before for another request."""

    code = "idempotency_key_reused"
    title = "Idempotency key reused"


def idempotent(
    view: Callable[Concatenate[Any, Request, P], HttpResponse],
) -> Callable[Concatenate[Any, Request, P], HttpResponse]:
    """Make a POST handler of an ``APIView`` answer a repeated Idempotency-Key from the stored reply.

    Runs inside the request's transaction: the reply is stored if and only if the write is. Two simultaneous requests
    with one key wait for each other on an advisory lock. Without the header nothing is stored.
    """

    @wraps(view)
    def once(self: Any, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        key = request.headers.get(HEADER)
        if key is None:
            return view(self, request, *args, **kwargs)
        if not 8 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
            raise Malformed(f"{HEADER} must be 8 to 255 printable ASCII characters.")
        caller: Any = request.user  # accounts.principal.Principal, which lies above core
        operator_id: UUID = caller.operator_id
        actor = str(caller.actor)
        _lock(operator_id, actor, key)
        digest = _digest(request)
        stored = Reply.objects.filter(operator_id=operator_id, actor=actor, key=key).first()
        if stored is not None:
            return _replay(stored, digest)
        response = view(self, request, *args, **kwargs)
        if response.status_code < 400:
            body = orjson.dumps(response.data) if hasattr(response, "data") else response.content
            Reply.objects.create(
                operator_id=operator_id, actor=actor, key=key, digest=digest, status=response.status_code,
                body=seal("reply", body),
            )  # fmt: skip
        return response

    vars(once)["idempotent"] = True
    return once


def is_idempotent(handler: object) -> bool:
    """Return whether a handler honours the Idempotency-Key."""
    return getattr(handler, "idempotent", False) is True


def _lock(operator_id: UUID, actor: str, key: str) -> None:
    number = int.from_bytes(hashlib.blake2b(f"{operator_id}{actor}{key}".encode(), digest_size=8).digest(), signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _digest(request: Request) -> bytes:
    """Digest of what was asked; uploaded files count by their content and are not kept."""
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    for name in sorted(request.FILES):
        for file in request.FILES.getlist(name):
            digest.update(name.encode() + hashlib.sha256(file.read()).digest())
            file.seek(0)
    data = {name: value for name, value in _fields(request) if name not in request.FILES}
    digest.update(orjson.dumps(data, option=orjson.OPT_SORT_KEYS, default=str))
    return digest.digest()


def _fields(request: Request) -> Iterable[tuple[str, Any]]:
    """Return what was sent by name; a form may repeat a name, and then every value counts."""
    data = request.data
    if isinstance(data, QueryDict):
        return data.lists()
    assert not isinstance(data, list)
    return data.items()


def _replay(stored: Reply, digest: bytes) -> HttpResponse:
    if bytes(stored.digest) != digest:
        raise KeyReused(f"This {HEADER} was used for another request; choose a new one.")
    return HttpResponse(
        unseal("reply", bytes(stored.body)), status=stored.status, content_type="application/json",
        headers={"Idempotent-Replayed": "true"},
    )  # fmt: skip
