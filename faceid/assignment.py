"""Pairing two small sets so that the sum of what the pairs are worth is greatest."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def assign(worth: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair rows with columns, each at most once, so that the total worth is greatest.

    Args:
        worth: shape (rows, columns); pairs worth 0 or less are never made.

    Returns:
        Pairs of row and column, in order of rows.

    The Hungarian method with potentials, O(n^3): Kuhn, Naval Research Logistics Quarterly 2, 1955; Munkres, 1957.
    """
    rows, columns = worth.shape
    if rows == 0 or columns == 0:
        return []
    gain = np.clip(np.asarray(worth, dtype=np.float64), 0.0, None)
    flipped = rows > columns
    cost = -(gain.T if flipped else gain)
    pairs = [(row, column) for row, column in enumerate(_least(cost))]
    pairs = [(column, row) for row, column in pairs] if flipped else pairs
    return sorted((row, column) for row, column in pairs if worth[row, column] > 0.0)


def _least(cost: NDArray[np.float64]) -> list[int]:
    """Give each row a column of its own at the least total cost; there are at least as many columns as rows."""
    rows, columns = cost.shape
    of_rows, of_columns = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = [0] * (columns + 1)  # row + 1 that holds the column + 1; column 0 holds the row being placed
    for row in range(1, rows + 1):
        owner[0] = row
        path = _path(cost, of_rows, of_columns, owner)
        for later, earlier in pairwise(path):
            owner[later] = owner[earlier]
    placed = [0] * rows
    for column in range(1, columns + 1):
        if owner[column]:
            placed[owner[column] - 1] = column - 1
    return placed


def _path(
    cost: NDArray[np.float64], of_rows: NDArray[np.float64], of_columns: NDArray[np.float64], owner: list[int]
) -> list[int]:
    """Find the cheapest chain of moves that frees a column for the row in column 0, from that free column back."""
    columns = cost.shape[1]
    slack, before = np.full(columns + 1, np.inf), [0] * (columns + 1)
    visited = np.zeros(columns + 1, dtype=np.bool_)
    column = 0
    while owner[column]:
        visited[column] = True
        row = owner[column]
        reduced = cost[row - 1] - of_rows[row] - of_columns[1:]
        for other in np.flatnonzero(~visited[1:] & (reduced < slack[1:])) + 1:
            slack[other], before[other] = reduced[other - 1], column
        nearest = int(np.argmin(np.where(visited, np.inf, slack)[1:])) + 1
        step = slack[nearest]
        for other in np.flatnonzero(visited):
            of_rows[owner[other]] += step
            of_columns[other] -= step
        slack[~visited] -= step
        column = nearest
    path = [column]
    while column:
        column = before[column]
        path.append(column)
    return path
