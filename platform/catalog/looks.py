"""What creatives look like, for rankers: each stored picture is described once, and kept with its row.

Of advertising media only, which somebody uploaded to be shown. No frame of a camera ever comes here: those are dropped
in memory (``identities``), and a rule of the import linter keeps the describing code out of that app's reach.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from uuid import UUID

import numpy as np
from django.conf import settings

from catalog.models import Creative
from recsys.pictures.album import Album
from recsys.pictures.descriptor import Descriptor
from recsys.pictures.looks import Looks, Vector
from recsys.pictures.vision import VisionNetwork

WIDEST = 4_096
"""Numbers of a vector that networks take, see ``recsys.training.configuration``."""


class VisionTooWide(ValueError):
    """The operator's network gives more numbers than a ranking network takes."""


def vision() -> str:
    """Return the name of what describes pictures now; vectors of another one are made anew."""
    return str(settings.PICTURE_NETWORK_SHA256) if settings.PICTURE_NETWORK else Descriptor().name


def album() -> Album:
    """Return what describes pictures, with the vectors that this process has made lately.

    Raises:
        VisionRefused: the configured file is no network that describes pictures.
        VisionTooWide: it gives more than 4,096 numbers.
    """
    return _album(settings.PICTURE_NETWORK, vision())


def looks_of(creatives: Iterable[Creative]) -> Looks | None:
    """Return what creatives, loaded with their media, look like now; None where no picture has been described yet."""
    vectors, since = {}, {}
    for creative in creatives:
        media = creative.media
        if media is not None and media.vision == vision() and media.look:
            vectors[creative.public_id] = np.frombuffer(media.look, dtype="<f4")
            if creative.media_since is not None:
                since[creative.public_id] = round(creative.media_since.timestamp() * 1e6)
    if not vectors:
        return None
    width = len(next(iter(vectors.values())))
    return Looks(vision(), width, vectors, since)


def of_operator(*, operator_id: UUID) -> Looks | None:
    """Return what all of an operator's creatives look like (one query)."""
    return looks_of(Creative.objects.filter(operator_id=operator_id).select_related("media").order_by("id"))


def of_creative(*, operator_id: UUID, creative_id: UUID, seen_by: str, at: datetime) -> Vector | None:
    """Return what a creative looked like at a time, float32, shape (width,) (one query).

    Args:
        seen_by: the vision whose vector is wanted.

    Returns:
        None where it had no picture then, or has another one since, or no such vector is kept.
    """
    creative = Creative.objects.filter(operator_id=operator_id, id=creative_id).select_related("media").first()
    if creative is None or creative.media is None or creative.media.vision != seen_by or not creative.media.look:
        return None
    if creative.media_since is not None and creative.media_since > at:
        return None
    return np.frombuffer(creative.media.look, dtype="<f4")


@lru_cache(maxsize=2)
def _album(network: str, name: str) -> Album:
    if not network:
        return Album(Descriptor())
    found = VisionNetwork.load(Path(network), name)
    if found.width > WIDEST:
        raise VisionTooWide(
            f"{Path(network).name} gives {found.width} numbers; at most {WIDEST} can be learnt from: cut off its last "
            "layers"
        )
    return Album(found)
