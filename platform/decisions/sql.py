"""Many rows in one statement."""

from collections.abc import Sequence
from typing import Any


def insert(table: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """Return one INSERT for any number of rows, and its parameters: one array per column.

    Args:
        columns: (name, PostgreSQL type), in the order of each row's values.
    """
    names = ", ".join(f'"{name}"' for name, _ in columns)
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
    values = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in columns]
    return f'INSERT INTO "{table}" ({names}) SELECT * FROM unnest({arrays})', values  # noqa: S608 - names of ours
