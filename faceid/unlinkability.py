"""How well protected templates of one person under two keys can be told to belong together.

Gomez-Barrero, Galbally, Rathgeb, Busch: General framework to evaluate unlinkability in biometric template protection
systems, IEEE TIFS 13(6), 2018: the local measure D(s) and the global measure D_sys.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_MOST_BINS = 100
_SCORES_PER_BIN = 10


@dataclass(frozen=True, slots=True, eq=False)
class Unlinkability:
    """What a comparison of linkage scores gives away.

    Attributes:
        overall: global measure, 0 (nobody can link) to 1 (everybody is linked).
        scores: centres of the score bins, float64, shape (bins,).
        local: local measure at each of them, 0 to 1, float64, shape (bins,).
        omega: prior odds that two templates belong to one person.
    """

    overall: float
    scores: NDArray[np.float64] = field(repr=False)
    local: NDArray[np.float64] = field(repr=False)
    omega: float


def unlinkability(mated: NDArray[np.floating], non_mated: NDArray[np.floating], *, omega: float = 1.0) -> Unlinkability:
    """Measure linkability from the scores an attacker would compute between templates under different keys.

    The densities are histograms over the common range with one bin per ten mated scores, 100 at most, as in the
    authors' own program. A histogram of finitely many scores never shows exactly 0: compare with :func:`chance_level`.

    Args:
        mated: scores of one person's templates under two keys, any scale, shape (n,), n >= 20.
        non_mated: scores of two people's, shape (m,), m >= 20.
        omega: prior odds p(mated) / p(non-mated); 1 is the worst case the paper recommends to report.

    Raises:
        ValueError: too few scores, scores that are not finite, or ``omega`` not above 0.
    """
    _check(mated, non_mated, omega)
    bins = min(len(mated) // _SCORES_PER_BIN, _MOST_BINS)
    reach = (float(min(mated.min(), non_mated.min())), float(max(mated.max(), non_mated.max())))
    counted, edges = np.histogram(mated, bins, reach)
    of_non_mated = np.histogram(non_mated, bins, reach)[0] / len(non_mated)
    of_mated = counted / len(mated)
    # D = 2 LR w / (1 + LR w) - 1 with LR = mated / non-mated, written so that an empty bin needs no infinity.
    total = omega * of_mated + of_non_mated
    local = np.where(total > 0, (omega * of_mated - of_non_mated) / np.where(total > 0, total, 1.0), 0.0)
    local = np.maximum(local, 0.0)
    return Unlinkability(float((local * of_mated).sum()), (edges[:-1] + edges[1:]) / 2, local, omega)


def chance_level(
    mated: NDArray[np.floating],
    non_mated: NDArray[np.floating],
    *,
    omega: float = 1.0,
    rounds: int = 20,
    seed: int = 0,
) -> float:
    """Return the global measure that as many scores show when nothing can be linked at all.

    The scores are pooled and dealt out again at random, and the measures of all rounds averaged.

    Args:
        mated, non_mated, omega: see :func:`unlinkability`.
        rounds: how often to deal.
        seed: of the random numbers.
    """
    pooled, random = np.concatenate([mated, non_mated]), np.random.default_rng(seed)
    found = []
    for _ in range(rounds):
        dealt = random.permutation(pooled)
        found.append(unlinkability(dealt[: len(mated)], dealt[len(mated) :], omega=omega).overall)
    return float(np.mean(found))


def _check(mated: NDArray[np.floating], non_mated: NDArray[np.floating], omega: float) -> None:
    for scores in (mated, non_mated):
        if scores.ndim != 1 or len(scores) < 2 * _SCORES_PER_BIN or not np.isfinite(scores).all():
            raise ValueError(f"Linkage scores are at least {2 * _SCORES_PER_BIN} finite numbers in one row.")
    if not omega > 0:
        raise ValueError("The prior odds omega are above 0.")
