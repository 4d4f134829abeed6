"""Collaborative filtering as two towers: who engaged with what, and nothing else, placed in one space.

A viewer is placed by their history alone, so that whoever has one is served, also somebody nobody has met. Both towers
are small graphs like those of `recsys.training.retrieval` and serve in their place.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import FeatureSpec
from recsys.serving.retrieval import TEMPERATURE
from recsys.training.calibrate import fit_platt
from recsys.training.dataset import Examples
from recsys.training.tensorflow import keras, tf

HISTORY, ITEM = "history_creative", "creative"
WIDTH = 32
NEIGHBOURS = 100
CONFIDENCE, PENALTY, ITERATIONS = 20.0, 0.1, 15

Vectors = NDArray[np.float32]


def factors(examples: Examples, spec: FeatureSpec, seed: int) -> tuple[Any, Any]:
    """Build towers of matrix factorisation; Hu, Koren and Volinsky, ICDM 2008, with `implicit`'s solver.

    A viewer's vector is that which the least squares give to their history, see `folding`.

    Returns:
        The viewer's and the creative's tower.
    """
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # the library spreads its own work and warns of others that do
        model = AlternatingLeastSquares(
            factors=WIDTH,
            regularization=PENALTY,
            alpha=CONFIDENCE,
            iterations=ITERATIONS,
            num_threads=1,
            random_state=seed,
        )
        matrix = engagements(examples, spec)
        model.fit(matrix, show_progress=False)
    vectors: Vectors = model.item_factors.astype(np.float32)
    often = np.asarray(matrix.mean(axis=0)).ravel()
    return _towers(examples, spec, (vectors @ folding(vectors, often)).astype(np.float32), vectors)


def neighbours(examples: Examples, spec: FeatureSpec, seed: int) -> tuple[Any, Any]:
    """Build towers of item-item similarity: cosines of who engaged with both, nearest only, of reduced rank.

    Sarwar et al., WWW 2001. A creative's score is the sum of its similarities to the viewer's history; that it becomes
    a product of two vectors is due to a truncated singular value decomposition of the similarities.

    Returns:
        The viewer's and the creative's tower.
    """
    from scipy.sparse.linalg import svds

    similarity = similarities(engagements(examples, spec))
    width = min(WIDTH, min(similarity.shape) - 1)
    left, strengths, right = svds(similarity.astype(np.float64), k=width, random_state=seed)
    root = np.sqrt(strengths)
    return _towers(examples, spec, (left * root).astype(np.float32), (right.T * root).astype(np.float32))


def engagements(examples: Examples, spec: FeatureSpec) -> Any:
    """Lay out who engaged with what, themselves and in their histories; ones, CSR of shape (viewers, ids)."""
    from scipy.sparse import csr_matrix

    known = examples.viewer.codes >= 0
    engaged = known & (examples.labels == 1)
    past = np.where(known[:, None], examples.feeds[HISTORY], 0)
    rows, places = np.nonzero(past)
    viewers = np.concatenate([examples.viewer.codes[engaged], examples.viewer.codes[rows]])
    ids = np.concatenate([examples.feeds[ITEM][engaged, 0], past[rows, places]])
    shape = (len(examples.viewer.vocabulary), spec.sizes[ITEM])
    matrix = csr_matrix((np.ones(len(ids), dtype=np.float32), (viewers, ids)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def similarities(matrix: Any) -> Any:
    """Compare all pairs of creatives by the cosine of their viewers, none with itself; CSR, (ids, ids)."""
    from implicit.nearest_neighbours import CosineRecommender
    from implicit.utils import ParameterWarning

    model = CosineRecommender(K=NEIGHBOURS, num_threads=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ParameterWarning)  # about what the library hands to itself
        model.fit(matrix, show_progress=False)
    found = model.similarity.tolil()
    found.setdiag(0)
    return found.tocsr()


def folding(vectors: Vectors, often: NDArray[np.floating]) -> NDArray[np.float64]:
    """Find the matrix that turns the summed vectors of a history into the vector of its viewer; (width, width).

    The normal equations of a viewer with history Y are (G + (c - 1) Y'Y + p I) u = c Y'1 (Hu, Koren and Volinsky, eq.
    4), G over all creatives. In place of each one's own Y'Y stands that of the average viewer, so that placing somebody
    is one product, and no system of equations is solved while a screen waits.

    Args:
        vectors: of creatives, (ids, width).
        often: share of viewers who engaged with each, (ids,).
    """
    exact = vectors.astype(np.float64)
    average = exact.T @ (exact * ((CONFIDENCE - 1) * often + 1)[:, None])
    matrix: NDArray[np.float64] = np.asarray(CONFIDENCE * np.linalg.inv(average + PENALTY * np.eye(exact.shape[1])))
    return matrix


class Sum(keras.layers.Layer):  # type: ignore[misc]
    """Adds up the vectors of a history."""

    def call(self, vectors: Any) -> Any:
        """Add up; (viewers, places, width) to (viewers, width). What is padding has vectors of zeros."""
        return tf.reduce_sum(vectors, axis=1)


def _towers(examples: Examples, spec: FeatureSpec, source: Vectors, target: Vectors) -> tuple[Any, Any]:
    """Build both towers, scaled so that a product of vectors, over the temperature, differs as log-odds do.

    Args:
        source, target: vectors of creatives where they are history and where they are candidates, (ids, width).
    """
    source[0] = 0
    longest = next(feature.length for feature in spec.features if feature.name == HISTORY)
    history = keras.Input((longest,), name=HISTORY, dtype="int32")
    item = keras.Input((1,), name=ITEM, dtype="int32")
    viewer = keras.Model({HISTORY: history}, Sum()(_table(source)(history)), name="viewer_tower")
    plain = keras.Model({ITEM: item}, _table(target)(item)[:, 0])
    scale = np.float32(TEMPERATURE * _slope(examples, viewer, plain))
    return viewer, keras.Model({ITEM: item}, _table(scale * target)(item)[:, 0], name="creative_tower")


def _table(vectors: Vectors) -> Any:
    return keras.layers.Embedding(*vectors.shape, weights=[vectors])


def _slope(examples: Examples, viewer: Any, creative: Any) -> float:
    """Find how many nats of log-odds one unit of a product is worth; never less than a little."""
    names = (HISTORY, ITEM)
    places = [
        tower.predict({name: examples.feeds[name]}, batch_size=4_096, verbose=0)
        for tower, name in zip((viewer, creative), names, strict=True)
    ]
    products = (places[0] * places[1]).sum(axis=1).astype(np.float64)
    spread = float(products.std()) or 1.0
    chances = 1 / (1 + np.exp(-np.clip((products - products.mean()) / spread, -12, 12)))
    return max(fit_platt(examples.labels, chances).slope / spread, 1e-3)
