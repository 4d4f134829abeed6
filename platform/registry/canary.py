"""Which screens a canary decides at."""

from hashlib import blake2b
from uuid import UUID

SPAN = 2**64


def takes_part(screen_id: UUID, version_id: UUID, share: float) -> bool:
    """Return whether a screen takes part in a version's canary.

    The same answer in every process and for as long as the canary lasts; another version draws other screens; whoever
    takes part keeps taking part when the share grows.

    Args:
        share: of all screens, 0 to 1, met on average: with few screens it may be none or all of them.
    """
    drawn = blake2b(screen_id.bytes, key=version_id.bytes, digest_size=8).digest()
    return int.from_bytes(drawn) < share * SPAN
