"""How one thing that people engage with goes with another, in closed form from who engaged with what."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CHANCE = 3.0
"""Pairs of engagements by which every number of pairs is drawn towards chance."""
CHUNK = 4_096
EXACT = 512
"""Ids up to which all singular vectors are computed, and not the first ones alone."""

Matrix = NDArray[np.float32]
Places = NDArray[np.int64]


def ease(matrix: Any, penalty: float) -> Matrix:
    """Solve for the weights between creatives, with none from one to itself.

    With C = X' (X X' + penalty I)^-1 X, the weight from j to k is C[j, k] / (1 - C[k, k]): Steck, "Embarrassingly
    Shallow Autoencoders for Sparse Data", WWW 2019, eq. 8, where P = (I - C) / penalty. C is taken by whichever of the
    two inverses is the smaller one.

    Args:
        matrix: who engaged with what, X, CSR, shape (people, creatives).
        penalty: L2 penalty, above 0.

    Returns:
        Shape (creatives, creatives); row j, column k is what an engagement with j says about k; diagonal 0.
    """
    people, things = matrix.shape
    if people < things:
        dense = matrix.toarray()
        explained = dense.T @ np.linalg.solve(_penalised(matrix @ matrix.T, penalty), dense)
    else:
        inverse = np.linalg.inv(_penalised(matrix.T @ matrix, penalty))
        explained = np.eye(things, dtype=np.float32) - np.float32(penalty) * inverse
    weights: Matrix = (explained / (1 - np.diag(explained))[None, :]).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return weights


def lift(matrix: Any) -> Matrix:
    """Compare how often people engage with two things, in any order, with how often they would by chance.

    Pointwise mutual information (Church and Hanks, Computational Linguistics 16(1), 1990), log((n + 3) / (e + 3)) for n
    pairs where chance makes e, so that few pairs say little.

    Args:
        matrix: how often each person engaged with each thing, CSR, shape (people, things).

    Returns:
        Shape (things, things); 0 where nothing is known.
    """
    counts = np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()
    pairs = np.asarray((matrix.T @ matrix).toarray(), dtype=np.float64) - np.diag(counts)
    expected = pairs.sum(axis=1, keepdims=True) * pairs.sum(axis=0) / max(pairs.sum(), 1.0)
    weights: Matrix = np.log((pairs + CHANCE) / (expected + CHANCE)).astype(np.float32)
    return weights


def reduced(weights: Matrix, rank: int) -> tuple[Matrix, Matrix]:
    """Bring weights to a rank: P and Q, each (ids, rank), whose product P Q' is nearest to them.

    The truncated singular value decomposition: Eckart and Young, Psychometrika 1(3), 1936. Where there are fewer
    singular values than that, the last columns are zeros.
    """
    from scipy.sparse.linalg import svds

    size = len(weights)
    kept = min(rank, size)
    if size <= EXACT:
        left, strengths, right = np.linalg.svd(weights)
    else:
        left, strengths, right = svds(weights, k=kept, random_state=0)
        left, strengths, right = left[:, ::-1], strengths[::-1], right[::-1]
    root = np.sqrt(strengths[:kept])
    source, target = np.zeros((2, size, rank), dtype=np.float32)
    source[:, :kept], target[:, :kept] = left[:, :kept] * root, right[:kept].T * root
    return source, target


def sums(weights: Matrix, past: Places, shown: Places) -> NDArray[np.float64]:
    """Add up the weights from each history to its candidate, shape (rows,).

    Args:
        past: places of a history's ids in the weights, shape (rows, places); what has none is behind them.
        shown: the same of the candidate, shape (rows,).
    """
    padded = np.pad(weights, (0, 1))
    found = [
        padded[past[start : start + CHUNK], shown[start : start + CHUNK, None]].sum(axis=1, dtype=np.float64)
        for start in range(0, len(shown), CHUNK)
    ]
    return np.concatenate(found)


def _penalised(gram: Any, penalty: float) -> Matrix:
    dense: Matrix = gram.toarray().astype(np.float32)
    return dense + np.float32(penalty) * np.eye(len(dense), dtype=np.float32)
