"""What makes embeddings of one person alike and of two people different."""

import math
from enum import StrEnum
from typing import Any

from faceid.training.tensorflow import keras, tf


class Objective(StrEnum):
    """The classical objectives.

    SOFTMAX: classify the people by cosines times a scale, keep the features (Wang et al., NormFace, ACM Multimedia
    2017); not the softmax of plain products, with lengths and biases, of DeepFace (Taigman et al., CVPR 2014).
    CONTRASTIVE: a Siamese pair is close or apart (Hadsell, Chopra and LeCun, CVPR 2006). TRIPLET_SEMIHARD: an anchor is
    closer to its like than to the nearest other that is still farther (Schroff et al., FaceNet, CVPR 2015).
    TRIPLET_HARD: its farthest like is closer than the nearest other in the batch (Hermans, Beyer and Leibe, 2017,
    "batch hard"). ARCFACE: classify with an additive angular margin (Deng et al., CVPR 2019).
    """

    SOFTMAX = "softmax"
    CONTRASTIVE = "contrastive"
    TRIPLET_SEMIHARD = "triplet-semihard"
    TRIPLET_HARD = "triplet-hard"
    ARCFACE = "arcface"

    @property
    def classifies(self) -> bool:
        """Whether a layer with one place per person is learned beside the network and dropped afterwards."""
        return self in (Objective.SOFTMAX, Objective.ARCFACE)


SCALE = 32.0
"""Logits of unit vectors lie within [-1, 1]; the softmax needs them steeper (NormFace's and ArcFace's s)."""

ARC_MARGIN = 0.5
PAIR_MARGIN = 1.0
TRIPLET_MARGIN = 0.2
_SMOOTHING = 0.1
_TINY = 1e-12


class Centres(keras.layers.Layer):  # type: ignore[misc]  # Keras 2 ships without types
    """One direction per person; gives the cosine of each embedding with each of them."""

    def __init__(self, people: int, dimension: int) -> None:
        super().__init__()
        self.directions = self.add_weight("directions", (dimension, people), initializer="glorot_uniform")

    def call(self, embeddings: Any) -> Any:
        return embeddings @ tf.math.l2_normalize(self.directions, axis=0)


def softmax(cosines: Any, labels: Any) -> Any:
    """Return the cross-entropy of scaled cosines, a scalar.

    Args:
        cosines: of each embedding with each person's direction, float32, shape (batch, people), -1 to 1.
        labels: the person of each row, int32, shape (batch,), 0 to people - 1.

    Wang et al., NormFace, ACM Multimedia 2017; labels are smoothed (Szegedy et al., CVPR 2016).
    """
    return _cross_entropy(SCALE * cosines, labels)


def arcface(cosines: Any, labels: Any, margin: Any) -> Any:
    """Return the cross-entropy where the own angle counts as larger by ``margin`` radians, a scalar.

    Args:
        cosines, labels: as :func:`softmax` takes them.
        margin: radians, 0 to pi / 2.

    Deng et al., CVPR 2019, eq. 3. Beyond pi - margin the cosine would rise again; there the angle's cosine is lowered
    by a constant instead, as their own code does.
    """
    own = tf.one_hot(labels, tf.shape(cosines)[1], on_value=True, off_value=False, dtype=tf.bool)
    sines = tf.sqrt(tf.maximum(1.0 - cosines * cosines, _TINY))
    shifted = cosines * tf.cos(margin) - sines * tf.sin(margin)
    beyond = cosines < -tf.cos(margin)
    shifted = tf.where(beyond, cosines - margin * tf.sin(margin), shifted)
    return _cross_entropy(SCALE * tf.where(own, shifted, cosines), labels)


def contrastive(embeddings: Any, labels: Any) -> Any:
    """Return the mean over all pairs of a batch, like and unlike ones weighing the same, a scalar.

    Like pairs cost their squared distance, unlike ones the square of what they lack to PAIR_MARGIN: Hadsell, Chopra and
    LeCun, CVPR 2006, whose sum over given pairs is a mean over all of a batch here.

    Args:
        embeddings: unit vectors, float32, shape (batch, dimension).
        labels: the person of each row, int32, shape (batch,).
    """
    distances, same = _distances(embeddings), _same(labels)
    like = tf.linalg.set_diag(same, tf.zeros(tf.shape(labels)[0], dtype=tf.bool))
    pull = _mean(tf.square(distances), like)
    push = _mean(tf.square(tf.maximum(PAIR_MARGIN - distances, 0.0)), ~same)
    return (pull + push) / 2


def triplet_semihard(embeddings: Any, labels: Any) -> Any:
    """Return the triplet loss with the nearest negative that is farther than the positive, a scalar.

    Schroff et al., FaceNet, CVPR 2015, section 3.2, over squared distances. Where every negative is nearer than the
    positive, which the paper leaves open, the farthest of them stands in, as TensorFlow Addons' semi-hard loss has it.

    Args:
        embeddings, labels: as :func:`contrastive` takes them.
    """
    squares, same = tf.square(_distances(embeddings)), _same(labels)
    positives = tf.linalg.set_diag(same, tf.zeros(tf.shape(labels)[0], dtype=tf.bool))
    pairs = squares[:, :, None]  # anchor, positive, negative
    farther = (squares[:, None, :] > pairs) & ~same[:, None, :]
    nearest_farther = tf.reduce_min(tf.where(farther, squares[:, None, :], math.inf), axis=2)
    farthest = tf.reduce_max(tf.where(same, -math.inf, squares), axis=1, keepdims=True)
    negatives = tf.where(tf.reduce_any(farther, axis=2), nearest_farther, farthest)
    return _mean(tf.maximum(squares - negatives + TRIPLET_MARGIN, 0.0), positives)


def triplet_hard(embeddings: Any, labels: Any) -> Any:
    """Return the soft-margin triplet loss of each anchor's farthest like and nearest unlike, a scalar.

    Hermans, Beyer and Leibe, "In Defense of the Triplet Loss for Person Re-Identification", 2017, over plain distances.

    Args:
        embeddings, labels: as :func:`contrastive` takes them.
    """
    distances, same = _distances(embeddings), _same(labels)
    farthest = tf.reduce_max(tf.where(same, distances, -math.inf), axis=1)
    nearest = tf.reduce_min(tf.where(same, math.inf, distances), axis=1)
    return tf.reduce_mean(tf.math.softplus(farthest - nearest))


def _cross_entropy(logits: Any, labels: Any) -> Any:
    people = tf.cast(tf.shape(logits)[1], tf.float32)
    wanted = tf.one_hot(labels, tf.shape(logits)[1]) * (1.0 - _SMOOTHING) + _SMOOTHING / people
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))


def _distances(embeddings: Any) -> Any:
    """Euclidean distances between all unit vectors of a batch; the root of zero has no slope, hence the floor."""
    squares = 2.0 - 2.0 * tf.matmul(embeddings, embeddings, transpose_b=True)
    return tf.sqrt(tf.maximum(squares, _TINY))


def _same(labels: Any) -> Any:
    return labels[:, None] == labels[None, :]


def _mean(values: Any, chosen: Any) -> Any:
    weights = tf.cast(chosen, tf.float32)
    return tf.reduce_sum(tf.where(chosen, values, 0.0)) / tf.maximum(tf.reduce_sum(weights), 1.0)
