"""Fitting the support vector machines of the methods for stills."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.svm import SVC

from faceid.liveness.machine import Machine

AXES = 160
"""Principal axes that are kept, of the 1,299 features of colour texture. With fewer, dark and noisy cameras, which lie
across the first axes, drown what tells; more gain next to nothing."""

COST = 1.0


def fit_machine(
    features: NDArray[np.float32], live: NDArray[np.bool_], weights: NDArray[np.float64], *, seed: int = 0
) -> Machine:
    """Fit a machine on features of the living and of attacks.

    Features are brought to unit deviation, turned to their principal axes and given to a machine with radial basis
    functions of the usual width, one over axes times variance (Chang, Lin, LIBSVM, 2011, 8).

    Args:
        features: float32, shape (n, features).
        live: shape (n,); both kinds occur.
        weights: of the samples, positive, shape (n,).
        seed: of the axes.

    Returns:
        The machine, its line to log-odds not yet fitted.

    Raises:
        ValueError: only one kind occurs.
    """
    if live.all() or not live.any():
        raise ValueError("A machine needs living people and attacks.")
    mean, deviation = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-4)
    scaled = (features - mean) / deviation
    axes = min(AXES, *scaled.shape)
    turned = PCA(axes, random_state=seed).fit(scaled)
    centre = mean + turned.mean_ * deviation
    projection = turned.components_.T / deviation[:, None]
    points = (features - centre) @ projection
    width = 1.0 / (axes * float(points.var()))
    machine = SVC(C=COST, gamma=width).fit(points, live, sample_weight=weights / weights.mean())
    return Machine(
        mean=centre.astype(np.float32),
        projection=projection.astype(np.float32),
        vectors=machine.support_vectors_.astype(np.float32),
        coefficients=machine.dual_coef_[0].astype(np.float32),
        width=width,
        offset=float(machine.intercept_[0]),
    )


def weighed(weights: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Join the weights of several sources so that every source counts the same in all."""
    parts = [one.astype(np.float64) / one.sum() for one in weights if len(one)]
    return np.concatenate(parts) * sum(len(one) for one in weights) / len(parts)
