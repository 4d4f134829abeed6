"""Pairing codes: short, easy to read aloud, hard to guess."""

import secrets

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0 O, 1 I L: 31 characters, so a code has 39 bits and 1,000 open ones are hit by one guess in 850 million."""
LENGTH = 8


def new_code() -> str:
    """Return a fresh code, without the dash in which it is shown."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def spell(code: str) -> str:
    """Return a code as a screen shows it: ``ABCD-2345``."""
    return f"{code[:4]}-{code[4:]}"


def normalise(text: str) -> str:
    """Return the code somebody typed: any case, with or without dashes and spaces; not checked for its alphabet."""
    return "".join(text.split()).replace("-", "").upper()[: LENGTH * 2]
