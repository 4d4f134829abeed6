"""Links that carry their own permission: an <img> cannot send a bearer token, so the link is signed and expires."""

import hmac
from datetime import UTC, datetime, timedelta

from catalog.errors import MediaLinkRefused
from catalog.storage import DIGEST
from core.sealing import derive

LIFETIME = timedelta(days=1)
"""A link holds for at least this long and at most twice as long: expiry falls on whole days (UTC), so that all links
made on one day are the same and browsers keep what they hold."""


def media_url(sha256: str, at: datetime) -> str:
    """Return a path below the site's root under which a media file can be fetched without a credential."""
    day = int(LIFETIME.total_seconds())
    expires = (int(at.timestamp()) // day + 2) * day
    return f"/v1/media/{sha256}?expires={expires}&signature={_signature(sha256, expires)}"


def expiry(at: datetime) -> datetime:
    """Return when a link made at ``at`` expires."""
    day = int(LIFETIME.total_seconds())
    return datetime.fromtimestamp((int(at.timestamp()) // day + 2) * day, UTC)


def check_link(sha256: str, expires: str, signature: str, at: datetime) -> None:
    """Pass when the link was made here and holds still.

    Raises:
        MediaLinkRefused: it was not, or has expired.
    """
    made_here = (
        DIGEST.fullmatch(sha256) is not None
        and expires.isascii() and expires.isdecimal() and len(expires) <= 12
        and signature.isascii()
        and hmac.compare_digest(signature, _signature(sha256, int(expires)))
    )  # fmt: skip
    if not made_here:
        raise MediaLinkRefused("This link was not made here. Ask for the manifest or the creative again.")
    if int(expires) <= at.timestamp():
        raise MediaLinkRefused("This link has expired. Ask for the manifest or the creative again.")


def _signature(sha256: str, expires: int) -> str:
    return hmac.digest(derive("media"), f"{sha256} {expires}".encode(), "sha256").hex()
