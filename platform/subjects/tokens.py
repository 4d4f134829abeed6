"""The secrets a subject carries: a receipt to see and withdraw, a loyalty token to be known without a camera."""

import hashlib
import secrets

RECEIPT = "vtr_"
LOYALTY = "vtl_"


def new_receipt() -> str:
    """Return a receipt token with 256 random bits."""
    return RECEIPT + secrets.token_urlsafe(32)


def new_loyalty() -> str:
    """Return a loyalty token with 256 random bits."""
    return LOYALTY + secrets.token_urlsafe(32)


def digest_of(token: str) -> bytes:
    """Return what is stored of a token: SHA-256 suffices, since a token has 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
