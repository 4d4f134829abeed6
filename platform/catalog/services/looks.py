"""Describe the pictures that wait for it."""

import logging
from uuid import UUID

import numpy as np
from django.db import transaction

from catalog import looks
from catalog.models import Media
from catalog.storage import media_path
from core.epochs import Topic, bump
from recsys.pictures.album import PictureUnreadable

logger = logging.getLogger(__name__)

AT_ONCE = 50
"""Pictures of one call: some seconds."""


@transaction.atomic
def look_at_media(*, operator_id: UUID, after: UUID | None = None) -> UUID | None:
    """Describe up to fifty stored pictures that nobody has looked at, or that another vision described.

    Rankers get them with the next version of the catalogue. A picture that cannot be decoded is kept as one that looks
    like nothing; one whose file is missing waits until it is back.

    Args:
        after: where the last call ended.

    Returns:
        Where this one ended; None when nothing waits behind it.

    Raises:
        VisionRefused, VisionTooWide: the configured network cannot be used; nothing is changed.
    """
    name = looks.vision()
    waiting = Media.objects.filter(operator_id=operator_id).exclude(vision=name)
    if after is not None:
        waiting = waiting.filter(id__gt=after)
    found = list(waiting.order_by("id").values_list("id", "sha256")[:AT_ONCE])
    described = {media_id: look for media_id, sha256 in found if (look := _describe(sha256)) is not None}
    for media_id, look in described.items():
        Media.objects.filter(operator_id=operator_id, id=media_id).update(vision=name, look=look)
    if described:
        bump(operator_id=operator_id, topic=Topic.CATALOG)
    return found[-1][0] if len(found) == AT_ONCE else None


def _describe(sha256: str) -> bytes | None:
    """Return a picture's vector as bytes, none of them for what cannot be decoded; None while the file is missing."""
    album = looks.album()
    try:
        return album.describe(media_path(sha256).read_bytes()).astype("<f4").tobytes()
    except PictureUnreadable:
        logger.warning("Media %s cannot be decoded; rankers take it for a creative without a picture.", sha256[:12])
        return np.empty(0, dtype="<f4").tobytes()
    except FileNotFoundError:
        return None
