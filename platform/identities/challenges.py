"""Challenges on their way: a sealed token carries what was asked, and Redis remembers which were answered.

Nothing about a person is kept: the token is a random drawing, and what Redis holds until the challenge would have
expired anyhow is its nonce.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from random import SystemRandom
from uuid import UUID

import orjson
import redis
from django.conf import settings

from core.problems import Unavailable
from core.sealing import BrokenSeal, seal, unseal
from faceid.liveness.challenge import LIFETIME, Challenge
from identities.errors import ChallengeForeign, ChallengeUsed

PREFIX = "chl_"
_USE = "challenge"
_MOST_LETTERS = 4096
_PATIENCE = 1.0
"""Seconds to wait for Redis: a person stands at the kiosk."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A challenge and the token by which its answer names it."""

    token: str
    challenge: Challenge


def issue(*, operator_id: UUID, actor: str, at: datetime) -> Issued:
    """Draw a challenge that only ``actor`` can answer."""
    challenge = Challenge.draw(SystemRandom(), at, session=session_of(operator_id, actor))
    sealed = seal(_USE, orjson.dumps(challenge.to_document()))
    return Issued(PREFIX + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode(), challenge)


def read(token: str, *, operator_id: UUID, actor: str) -> Challenge:
    """Return the challenge that a token carries.

    Raises:
        ChallengeForeign: drawn for somebody else, or no challenge at all.
    """
    challenge = _opened(token)
    if challenge is None or not challenge.is_answered_by(challenge.nonce, session_of(operator_id, actor)):
        raise ChallengeForeign("This is no challenge that was drawn for you. Draw one.")
    return challenge


def use(challenge: Challenge) -> None:
    """Count a challenge as answered, at once and whatever becomes of the request.

    Raises:
        ChallengeUsed: it was answered before.
        Unavailable: Redis does not answer; nobody can tell whether it was, so it does not count.
    """
    lasts = int(LIFETIME.total_seconds()) + 60
    try:
        first = _redis(settings.REDIS_URL).set(f"challenge:{challenge.nonce}", b"1", nx=True, ex=lasts)
    except (redis.RedisError, OSError) as error:
        raise Unavailable(
            "Whether this challenge was answered before cannot be told right now. Try again, or enrol with a member"
            " of staff.",
            retry_after=10,
        ) from error
    if not first:
        raise ChallengeUsed("This challenge was answered before. Draw a new one.")


def session_of(operator_id: UUID, actor: str) -> str:
    """Return whom a challenge is for."""
    return f"{operator_id} {actor}"


def _opened(token: str) -> Challenge | None:
    if not token.startswith(PREFIX) or len(token) > _MOST_LETTERS:
        return None
    letters = token.removeprefix(PREFIX)
    try:
        sealed = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
        return Challenge.from_document(orjson.loads(unseal(_USE, sealed)))
    except (BrokenSeal, binascii.Error, ValueError, KeyError, TypeError):
        return None


@lru_cache(maxsize=4)
def _redis(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE)
