"""How an erased subject is named: by a digest that only this installation can make."""

import hmac
from uuid import UUID

from core.sealing import derive


def digest_of(subject_id: UUID) -> str:
    """Return the keyed digest of a subject's id (HMAC-SHA256, RFC 2104), 64 hexadecimal digits."""
    return hmac.new(derive("erased subject"), subject_id.bytes, "sha256").hexdigest()
