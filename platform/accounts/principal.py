"""Who is calling: a device, an integration or a member."""

from dataclasses import dataclass
from uuid import UUID

from rest_framework.request import Request


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request.

    Attributes:
        operator_id: whose rows it may see.
        actor: how the audit log names it, for instance ``device:crd_…``.
        scopes: what it may do.
        device_id: the player behind a device token.
    """

    operator_id: UUID
    actor: str
    scopes: frozenset[str]
    device_id: UUID | None = None
    is_authenticated: bool = True


def caller(request: Request) -> Principal:
    """Return who calls an API view, as ``accounts.authentication`` found them."""
    principal: object = request.user
    assert isinstance(principal, Principal)
    return principal
