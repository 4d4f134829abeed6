"""Viewer tokens: how a player names who stands before its screen, for seconds and without learning who it is.

A token is a sealed claim; nothing is stored. Each is encrypted under a fresh random nonce, so two tokens for the same
person have nothing in common and a player cannot link visits. It counts at one screen of one operator only.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from core.sealing import BrokenSeal, seal, unseal
from core.times import utc
from identities.errors import ForeignViewerToken, ViewerTokenExpired

PREFIX = "vwr_"
_USE = "viewer"
_CLAIM = struct.Struct("!16s16s16sBBq")
_NOBODY = bytes(16)


class ViewerState(StrEnum):
    """What is known about a viewer."""

    RECOGNISED = "recognised"
    ANONYMOUS = "anonymous"
    BYSTANDER = "bystander"


class How(StrEnum):
    """How a viewer came to be known or counted."""

    FACE = "face"
    EMBEDDING = "embedding"
    LOYALTY = "loyalty"


_STATES, _WAYS = tuple(ViewerState), tuple(How)


@dataclass(frozen=True, slots=True)
class ViewerClaim:
    """What a viewer token says.

    Attributes:
        subject_id: who it is; None unless recognised.
        expires_at: from then on it counts no more; milliseconds.
    """

    operator_id: UUID
    screen_id: UUID
    subject_id: UUID | None
    state: ViewerState
    expires_at: datetime
    how: How


def issue(claim: ViewerClaim) -> str:
    """Return a fresh token for a claim."""
    packed = _CLAIM.pack(
        claim.operator_id.bytes, claim.screen_id.bytes, claim.subject_id.bytes if claim.subject_id else _NOBODY,
        _STATES.index(claim.state), _WAYS.index(claim.how), round(claim.expires_at.timestamp() * 1000),
    )  # fmt: skip
    return PREFIX + base64.urlsafe_b64encode(seal(_USE, packed)).rstrip(b"=").decode()


def checked(claim: ViewerClaim | None, *, operator_id: UUID, screen_id: UUID, at: datetime) -> ViewerClaim:
    """Return what an opened token claims, if it counts here and now.

    Raises:
        ForeignViewerToken: made for another operator or screen, or no viewer token at all.
        ViewerTokenExpired: it is over.
    """
    if claim is None or claim.operator_id != operator_id or claim.screen_id != screen_id:
        raise ForeignViewerToken("This is no viewer token for this screen. Recognise the viewer here.")
    if at >= claim.expires_at:
        raise ViewerTokenExpired(f"The viewer token ended at {utc(claim.expires_at)}. Recognise the viewer again.")
    return claim


def opened(token: str) -> ViewerClaim | None:
    """Return what a token says, whomever and whenever it is for; None if it is no viewer token."""
    try:
        sealed = base64.b64decode(_padded(token.removeprefix(PREFIX)), altchars=b"-_", validate=True)
        operator, screen, subject, state, how, expires = _CLAIM.unpack(unseal(_USE, sealed))
    except (BrokenSeal, binascii.Error, ValueError, struct.error):
        return None
    return ViewerClaim(
        UUID(bytes=operator), UUID(bytes=screen), UUID(bytes=subject) if subject != _NOBODY else None,
        _STATES[state], datetime.fromtimestamp(expires / 1000, UTC), _WAYS[how],
    )  # fmt: skip


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
