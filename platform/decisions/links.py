"""Links that explain one place of one decision; whoever holds one may read that explanation and nothing else."""

import base64
import binascii
from uuid import UUID

from django.conf import settings

from core.sealing import BrokenSeal, seal, unseal
from decisions.errors import UnknownExplanation

USE = "why"
LENGTH = 33


def why_url(*, operator_id: UUID, decision_id: UUID, position: int) -> str:
    """Return the page that explains a place, for a QR code beside it."""
    sealed = seal(USE, operator_id.bytes + decision_id.bytes + bytes([position]))
    return f"{settings.BASE_URL}/why/{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"


def read(token: str) -> tuple[UUID, UUID, int]:
    """Return operator, decision and position.

    Raises:
        UnknownExplanation: this installation made no such link.
    """
    try:
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        value = unseal(USE, sealed)
    except (BrokenSeal, binascii.Error, ValueError) as error:
        raise UnknownExplanation("This link was changed or cut. Scan the code at the screen again.") from error
    if len(value) != LENGTH:
        raise UnknownExplanation("This link explains nothing.")
    return UUID(bytes=value[:16]), UUID(bytes=value[16:32]), value[32]
