"""How a training tells its caller where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int, str], None]
"""Called with the stage, how much of it is done, out of how much, and a sentence for people."""


def silent(stage: str, done: int, of: int, message: str) -> None:
    """Report to nobody."""
    del stage, done, of, message
