"""Store pictures under the digest of their bytes, and hand out links to them."""

import hashlib
from uuid import UUID

from django.db import transaction

from catalog.links import media_url
from catalog.models import Media
from catalog.pictures import inspect
from catalog.services.changes import changed
from catalog.storage import write_media
from core.queue import enqueue

__all__ = ["media_url", "store_media"]

LOOK = "catalog.look"


@transaction.atomic
def store_media(*, operator_id: UUID, data: bytes, content_type: str, actor: str) -> Media:
    """Keep a picture, and have it described for rankers; the same bytes again give the same row.

    A file whose transaction rolls back stays behind unnamed and is used when the same bytes come again.

    Raises:
        MediaTooLarge: more than 20 MiB.
        MediaTypeRefused: no PNG, JPEG or WebP, or another one than was said.
        UnusableMedia: truncated, damaged, or more than 8192 pixels a side.
    """
    picture = inspect(data, content_type)
    sha256 = hashlib.sha256(data).hexdigest()
    written = write_media(sha256, data)
    stored, added = Media.objects.get_or_create(
        operator_id=operator_id, sha256=sha256,
        defaults={
            "bytes": len(data), "content_type": picture.content_type,
            "width": picture.width, "height": picture.height,
        },
    )  # fmt: skip
    if added or written:  # a file that was missing makes its creatives eligible again
        changed(operator_id=operator_id, actor=actor, action="media.stored", target=stored.public_id)
        enqueue(LOOK, str(operator_id))
    return stored
