"""Pairing: a device shows a code, a member claims it for a screen, the device collects its token once.

Nobody is signed in when a device asks for a code, so what it may leave behind is bounded: open codes per address and
altogether, and none outlives its ten minutes.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from accounts.services import issue_device_token
from audit.services import record
from core.epochs import Topic, bump
from core.sealing import derive
from core.tenancy import operator_scope, platform_scope
from signage.codes import new_code, normalise
from signage.errors import (
    PairingClaimed,
    PairingCollected,
    PairingExpired,
    TooManyPairings,
    UnknownPairing,
    WrongPairingSecret,
)
from signage.models import Pairing, Player, PlayerKind
from signage.selectors import get_screen

CODE_LIFETIME = timedelta(minutes=10)
CLAIM_LIFETIME = timedelta(minutes=10)
"""How long the device may take to fetch its token after the claim."""
OPEN_PER_REMOTE = 20
OPEN_ALTOGETHER = 1_000
_LOCK = int.from_bytes(hashlib.blake2b(b"signage.pairing", digest_size=8).digest(), signed=True)


@dataclass(frozen=True, slots=True)
class StartedPairing:
    """What the device is told; the secret is never stored and never told again.

    Attributes:
        code: eight characters to show, see ``codes.spell``.
        secret: proves that the caller is the device that asked.
    """

    pairing_id: UUID
    public_id: str
    code: str
    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Collected:
    """Where a pairing stands for the device that asked for it.

    Attributes:
        token: the device token, present once, the first time after the claim.
        player_public_id: the player it now is; None while nobody has claimed the code.
    """

    public_id: str
    expires_at: datetime
    token: str | None = None
    player_public_id: str | None = None
    screen_public_id: str | None = None


def start_pairing(*, kind: str, remote: str, at: datetime) -> StartedPairing:
    """Open a pairing for a device that shows its code.

    Args:
        kind: ``signage`` or ``kiosk``.
        remote: address of the caller; only a keyed digest of it is kept, for as long as the code lives.

    Raises:
        TooManyPairings: too many codes are open from this address, or altogether.
    """
    secret, digest = secrets.token_urlsafe(32), _digest_of_remote(remote)
    with platform_scope():
        _lock()
        Pairing.objects.filter(expires_at__lte=at).delete()
        _refuse_floods(digest, at)
        pairing = Pairing.objects.create(
            kind=PlayerKind(kind), code=_free_code(), secret_digest=_digest(secret), remote_digest=digest,
            expires_at=at + CODE_LIFETIME,
        )  # fmt: skip
    return StartedPairing(pairing.id, pairing.public_id, pairing.code, secret, pairing.expires_at)


def claim(*, operator_id: UUID, code: str, screen_id: UUID, actor: str, at: datetime, name: str = "") -> Player:
    """Make the device that shows ``code`` a player of a screen.

    Args:
        code: as a person typed it; case, dashes and spaces do not matter.
        name: what the player is called; by default after its screen.

    Raises:
        NotFound: the operator has no such screen.
        UnknownPairing: nothing shows this code.
        PairingExpired: it was shown too long ago.
        PairingClaimed: somebody was faster.
    """
    with operator_scope(operator_id):
        screen = get_screen(operator_id=operator_id, screen_id=screen_id)
        with platform_scope():
            pairing = _claimable(code, at)
        player = Player.objects.create(
            operator_id=operator_id, screen=screen, kind=pairing.kind, name=(name.strip() or screen.name)[:120]
        )
        with platform_scope():
            pairing.operator_id, pairing.player, pairing.claimed_at = operator_id, player, at
            pairing.expires_at = at + CLAIM_LIFETIME
            pairing.save(update_fields=["operator", "player", "claimed_at", "expires_at"])
        record(
            operator_id=operator_id, actor=actor, action="player.paired", target=player.public_id,
            detail={"screen": screen.public_id, "kind": player.kind},
        )  # fmt: skip
        bump(operator_id=operator_id, topic=Topic.SIGNAGE)
    return player


def collect(*, pairing_id: UUID, secret: str, at: datetime) -> Collected:
    """Tell the device where its pairing stands; the first call after the claim issues and returns its token.

    Raises:
        UnknownPairing: there is no such pairing, or it expired and was swept.
        WrongPairingSecret: the caller is not the device that asked.
        PairingExpired: nobody claimed the code in time, or the device came too late for its token.
        PairingCollected: the token was delivered before.
    """
    with platform_scope():
        pairing = Pairing.objects.select_for_update().filter(id=pairing_id).first()
        _check_collectable(pairing, secret, at)
        assert pairing is not None
        if pairing.player_id is None or pairing.operator_id is None:
            return Collected(pairing.public_id, pairing.expires_at)
        pairing.collected_at = at
        pairing.save(update_fields=["collected_at"])
    return _deliver(pairing, pairing.operator_id, pairing.player_id)


def _deliver(pairing: Pairing, operator_id: UUID, player_id: UUID) -> Collected:
    with operator_scope(operator_id):
        player = Player.objects.select_related("screen").get(id=player_id)
        if player.unpaired_at is not None:
            raise PairingExpired("The player was taken off its screen again. Ask for a new code.")
        token = issue_device_token(
            operator_id=operator_id, device_id=player.id, name=player.name, kiosk=player.kind == PlayerKind.KIOSK
        )
        record(
            operator_id=operator_id, actor=f"pairing:{pairing.public_id}", action="player.token_issued",
            target=player.public_id,
        )  # fmt: skip
        return Collected(pairing.public_id, pairing.expires_at, token, player.public_id, player.screen.public_id)


def _check_collectable(pairing: Pairing | None, secret: str, at: datetime) -> None:
    if pairing is None:
        raise UnknownPairing("No pairing has this id. Ask for a new code.")
    if not hmac.compare_digest(bytes(pairing.secret_digest), _digest(secret)):
        raise WrongPairingSecret("This is not the secret the pairing began with.")
    if pairing.collected_at is not None:
        raise PairingCollected("The token was delivered. A device that lost it pairs again.")
    if pairing.expires_at <= at:
        raise PairingExpired("The pairing has expired. Ask for a new code.")


def _claimable(code: str, at: datetime) -> Pairing:
    found = list(Pairing.objects.select_for_update().filter(code=normalise(code)).order_by("-id")[:1])
    if not found:
        raise UnknownPairing("No device shows this code. Read it again; each is shown for ten minutes.")
    if found[0].claimed_at is not None:
        raise PairingClaimed("This code was claimed before. Let the device show a new one.")
    if found[0].expires_at <= at:
        raise PairingExpired("This code has expired. Let the device show a new one.")
    return found[0]


def _refuse_floods(remote_digest: bytes, at: datetime) -> None:
    waiting = Pairing.objects.filter(claimed_at=None, expires_at__gt=at)
    mine = waiting.filter(remote_digest=remote_digest)
    if mine.count() >= OPEN_PER_REMOTE:
        raise _too_many(mine.earliest("expires_at"), at, f"{OPEN_PER_REMOTE} codes from your address")
    if waiting.count() >= OPEN_ALTOGETHER:
        raise _too_many(waiting.earliest("expires_at"), at, f"{OPEN_ALTOGETHER} codes altogether")


def _too_many(earliest: Pairing, at: datetime, what: str) -> TooManyPairings:
    wait = int((earliest.expires_at - at).total_seconds()) + 1
    return TooManyPairings(f"{what} wait to be claimed. Try again later.", headers={"Retry-After": str(wait)})


def _free_code() -> str:
    code = new_code()
    while Pairing.objects.filter(code=code).exists():
        code = new_code()
    return code


def _lock() -> None:
    # Counting and adding are one step: otherwise a burst of requests would pass the limit together.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _digest_of_remote(remote: str) -> bytes:
    return hmac.digest(derive("pairing.remote"), remote.encode(), "sha256")
