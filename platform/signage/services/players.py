"""What players report, and the end of a pairing."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.services import revoke_device
from audit.services import record
from core.epochs import Topic, bump
from signage.models import Player
from signage.selectors import get_player

UNCHANGED: Any = object()


def touch(*, operator_id: UUID, player_id: UUID, at: datetime, now_playing: Any = UNCHANGED) -> None:
    """Note that a player was heard of, and what it plays when that is given (one statement).

    Args:
        now_playing: JSON the console shows, for instance ``{"creative": "crv_…", "title": …}``; never about people.
    """
    fields: dict[str, Any] = {"last_seen_at": at}
    if now_playing is not UNCHANGED:
        fields["now_playing"] = now_playing
    Player.objects.filter(operator_id=operator_id, id=player_id).update(**fields)


@transaction.atomic
def unpair(*, operator_id: UUID, player_id: UUID, actor: str, at: datetime) -> Player:
    """Take a player off its screen and revoke its token; doing so twice changes nothing more.

    Raises:
        NotFound: the operator has no such player.
    """
    player = get_player(operator_id=operator_id, player_id=player_id)
    if player.unpaired_at is None:
        player.unpaired_at = at
        player.save(update_fields=["unpaired_at"])
        revoke_device(operator_id=operator_id, device_id=player.id)
        record(
            operator_id=operator_id, actor=actor, action="player.unpaired", target=player.public_id,
            detail={"screen": player.screen.public_id},
        )  # fmt: skip
        bump(operator_id=operator_id, topic=Topic.SIGNAGE)
    return player
