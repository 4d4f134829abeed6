"""Identifiers: UUIDv7 inside, a prefixed and sortable word outside (TypeID, specification 0.3)."""

from uuid import UUID

import uuid_utils.compat

from core.problems import Problem

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}


class MalformedId(Problem):
    """A public id has the wrong prefix or is no id at all."""

    status = 400
    code = "malformed_id"
    title = "Malformed id"


def new_id() -> UUID:
    """Return a fresh UUIDv7: sortable by time, unguessable within its millisecond."""
    return UUID(bytes=uuid_utils.compat.uuid7().bytes)


def public_id(prefix: str, value: UUID) -> str:
    """Return ``value`` as the API shows it, for instance ``scr_01jd…`` (26 base-32 digits, Crockford's alphabet)."""
    number = value.int
    return prefix + "_" + "".join(ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def parse_public_id(prefix: str, text: object) -> UUID:
    """Return the UUID inside a public id.

    Raises:
        MalformedId: ``text`` is no id with this prefix.
    """
    head, _, digits = text.rpartition("_") if isinstance(text, str) else ("", "", "")
    if head != prefix or len(digits) != LENGTH or digits[0] > "7" or any(digit not in _VALUES for digit in digits):
        raise MalformedId(f"Expected an id like {prefix}_ followed by {LENGTH} base-32 digits, got {str(text)[:60]!r}.")
    number = 0
    for digit in digits:
        number = number << 5 | _VALUES[digit]
    return UUID(int=number)
