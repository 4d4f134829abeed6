"""Who liked what in the train part, as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys.benchmark.prepared import Prepared


def likes(data: Prepared) -> Any:
    """Lay out the likes of the train part: a scipy CSR matrix of float32 ones, shape (users, items)."""
    from scipy.sparse import csr_matrix  # no part of what serving installs

    rows = np.flatnonzero((data.train.labels == 1) & (data.train.user >= 0) & (data.train.item >= 0))
    matrix = csr_matrix(
        (np.ones(len(rows), dtype=np.float32), (data.train.user[rows], data.train.item[rows])),
        shape=(data.users, data.items),
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix
