"""Item sequences without labels: one user a line, items in order, blanks between."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.benchmark.errors import DataEmpty, DataUnreadable
from recsys.benchmark.log import Codes, Column, Log

NEGATIVES = 4
ATTEMPTS = 20
SEED = 2026


def read_sequences(
    path: Path, *, negatives: int = NEGATIVES, attributes: Path | None = None, max_users: int | None = None
) -> Log:
    """Read sequences and draw items that were not chosen, as labels of 0.

    For each item of a user, ``negatives`` items are drawn uniformly from all items but those the user had up to and
    with that step: what the user takes later may be drawn, since its absence would give the future away.

    Args:
        path: lines of a user's key and at least one item.
        attributes: JSON object from an item to a list of its attributes; the first becomes a column.
        max_users: only the first so many users.

    Raises:
        DataUnreadable: the file is missing, no text, or a line holds no item.
        DataEmpty: it holds no lines.
    """
    users, items, steps = _read(path, max_users)
    words, item = np.unique(np.array(items), return_inverse=True)
    user = np.unique(np.array(users), return_inverse=True)[1]
    random = np.random.default_rng(SEED)
    drawn = _draw(user, item, len(words), negatives, random)
    everyone = np.concatenate([item[:, None], drawn], axis=1)
    kept = everyone >= 0
    place, choice = np.nonzero(kept)
    shuffled = random.permutation(len(place))  # a stable sort must not put what was chosen first
    place, choice = place[shuffled], choice[shuffled]
    at = np.array(steps, dtype=np.int64)[place]
    order = np.argsort(at, kind="stable")
    place, choice, at = place[order], choice[order], at[order]
    rows = everyone[place, choice]
    return Log(
        path.stem,
        user[place].astype(np.int64),
        rows,
        (choice == 0).astype(np.float32),
        at,
        () if attributes is None else (_attribute(attributes, words, rows),),
        calendar=False,
        sequences=True,
        notes=(
            f"Labels of 0 are drawn: {negatives} items per item of a sequence, uniformly from those the user had not "
            "had up to then. Figures hold for these candidates only, not for rankings of the whole catalogue "
            "(Krichene and Rendle, KDD 2020).",
            "Each user's last item is the test, the one before it the validation.",
        ),
    )


def _read(path: Path, max_users: int | None) -> tuple[list[str], list[str], list[int]]:
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()][:max_users]
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(f"{path.name} cannot be read: {error}.") from error
    if not lines:
        raise DataEmpty(
            f"{path.name} holds no lines.", expected="one user a line.", remedy="Export the sequences again."
        )
    for number, line in enumerate(lines, start=1):
        if len(line) < 2:
            raise _unreadable(f"Line {number} of {path.name} holds no item.")
    if len({line[0] for line in lines}) < len(lines):
        raise _unreadable(f"A user has more than one line in {path.name}.")
    users = [line[0] for line in lines for _ in line[1:]]
    return (
        users,
        [item for line in lines for item in line[1:]],
        [step for line in lines for step in range(len(line) - 1)],
    )


def _draw(
    user: NDArray[np.intp], item: NDArray[np.intp], count: int, negatives: int, random: np.random.Generator
) -> Codes:
    """Draw item codes, shape (steps, negatives); -1 where twenty attempts found none that the user had not had."""
    drawn = np.full((len(item), negatives), -1, dtype=np.int64)
    had: set[int] = set()
    for row in range(len(item)):
        if row and user[row] != user[row - 1]:
            had = set()
        had.add(int(item[row]))
        chosen: list[int] = []
        for candidate in random.integers(0, count, negatives * ATTEMPTS).tolist():
            if len(chosen) == negatives:
                break
            if candidate not in had and candidate not in chosen:
                chosen.append(candidate)
        drawn[row, : len(chosen)] = chosen
    return drawn


def _attribute(path: Path, words: NDArray[np.str_], rows: Codes) -> Column:
    try:
        attributes = json.loads(path.read_text(encoding="utf-8"))
        first = [str(attributes[word][0]) if attributes.get(word) else "" for word in words.tolist()]
    except (OSError, ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise DataUnreadable(
            f"{path.name} cannot be read: {error}.",
            expected="a JSON object from an item to a list of attributes.",
            remedy="Check the file.",
        ) from error
    found, code = np.unique(first, return_inverse=True)
    code = np.where(found[code] == "", -1, code)
    return Column("attribute", "categorical", "item", code[rows].astype(np.int64), np.empty(0))


def _unreadable(happened: str) -> DataUnreadable:
    return DataUnreadable(
        happened, expected="a user's key and items in order, with blanks between.", remedy="Check the file."
    )
