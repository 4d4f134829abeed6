"""Learning an embedding from labelled faces."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from faceid.training.recognition import objective as objectives
from faceid.training.recognition.backbone import SIDE, Backbone, build
from faceid.training.recognition.batches import batches, plain
from faceid.training.recognition.held_out import HeldOut, measured
from faceid.training.recognition.objective import Objective
from faceid.training.recognition.people import People
from faceid.training.tensorflow import keras, seed_everything, tf

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """How to learn.

    Attributes:
        dimension: numbers in an embedding.
        width: channels of the network's first stage.
        side: pixels a side that the network works on: 112, 56 or 28.
        epochs: at most; each shows every person once.
        patience: epochs without a better equal error rate on the held-out people before it ends.
        persons, pictures: people in a batch, and pictures of each.
        rate: highest learning rate (AdamW), reached after a tenth of the steps and lowered along a cosine.
        seed: of weights, order and augmentation.
    """

    backbone: Backbone = Backbone.RESIDUAL
    objective: Objective = Objective.ARCFACE
    dimension: int = 128
    width: int = 24
    side: int = SIDE
    epochs: int = 40
    patience: int = 8
    persons: int = 16
    pictures: int = 4
    rate: float = 2e-3
    seed: int = 0

    @classmethod
    def of(cls, *, backbone: str, objective: str, **others: int) -> Self:
        """Return settings whose two choices are given by name.

        Raises:
            ValueError: there is no such choice, or a size is not positive.
        """
        return cls(Backbone(backbone), Objective(objective), **others)

    def __post_init__(self) -> None:
        positive = (self.dimension, self.width, self.epochs, self.patience, self.rate)
        if min(positive) <= 0 or self.persons < 2 or self.pictures < 2:
            raise ValueError(f"sizes must be positive, with two persons and two pictures in a batch; got {self}.")


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A fitted network.

    Attributes:
        network: a Keras model; see :func:`faceid.training.recognition.backbone.build`.
        losses: mean loss of each epoch.
        best: figures of the held-out people at the epoch whose weights were kept.
        epoch: that epoch, 1 and up.
    """

    network: Any = field(repr=False)
    losses: tuple[float, ...]
    best: HeldOut
    epoch: int


def fit(
    learners: People, held_out: People, settings: Settings, *, progress: Callable[[int, float, HeldOut], None]
) -> Trained:
    """Learn from some people and keep the weights that tell the held-out ones apart best.

    Args:
        progress: called after each epoch with its number, mean loss and the figures of the held-out people.
    """
    seed_everything(settings.seed)
    random = np.random.default_rng(settings.seed)
    network = build(settings.backbone, dimension=settings.dimension, width=settings.width, side=settings.side)
    centres = objectives.Centres(len(learners.names), settings.dimension) if settings.objective.classifies else None
    steps = settings.epochs * max(1, -(-len(learners.names) // settings.persons))
    step = _step(network, centres, settings, steps)
    losses: list[float] = []
    best, kept, at = None, network.get_weights(), 0
    for epoch in range(1, settings.epochs + 1):
        drawn = batches(learners, persons=settings.persons, pictures=settings.pictures, random=random)
        ramp = tf.constant(min(1.0, 2 * epoch / settings.epochs))
        costs = [float(step(tf.constant(pixels), tf.constant(who), ramp)) for pixels, who in drawn]
        losses.append(float(np.mean(costs)))
        found = measured(embedded(network, held_out.crops), held_out.labels)
        progress(epoch, losses[-1], found)
        if best is None or found.order < best.order:
            best, kept, at = found, network.get_weights(), epoch
        elif epoch - at >= settings.patience:
            break
    assert best is not None
    network.set_weights(kept)
    return Trained(network, tuple(losses), best, at)


def embedded(network: Any, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the embeddings of crops, float32, shape (n, dimension)."""
    parts = [
        np.asarray(network(plain(crops[begin : begin + _BATCH]), training=False))
        for begin in range(0, len(crops), _BATCH)
    ]
    return np.concatenate(parts)


def _step(network: Any, centres: objectives.Centres | None, settings: Settings, steps: int) -> Any:
    weights = network.trainable_variables + (centres.trainable_variables if centres else [])
    optimiser = keras.optimizers.AdamW(_rates(settings.rate, steps), weight_decay=5e-4, global_clipnorm=5.0)

    optimiser.build(weights)
    signature = [
        tf.TensorSpec((None, *network.input_shape[1:])), tf.TensorSpec((None,), tf.int64), tf.TensorSpec(())
    ]  # fmt: skip

    @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]  # TensorFlow ships without types
    def step(pixels: Any, labels: Any, ramp: Any) -> Any:
        with tf.GradientTape() as tape:
            embeddings = network(pixels, training=True)
            loss = _loss(settings.objective, embeddings, centres, labels, ramp)
        optimiser.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    return step


def _rates(highest: float, steps: int) -> Any:
    warm = max(1, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        highest / 20, steps, alpha=0.01, warmup_target=highest, warmup_steps=warm
    )


def _loss(objective: Objective, embeddings: Any, centres: objectives.Centres | None, labels: Any, ramp: Any) -> Any:
    """Return the loss; ArcFace's margin grows over the first half, since from the start it would freeze few people."""
    match objective:
        case Objective.SOFTMAX:
            return objectives.softmax(centres(embeddings), labels)  # type: ignore[misc]  # classifies, so it is there
        case Objective.ARCFACE:
            return objectives.arcface(centres(embeddings), labels, objectives.ARC_MARGIN * ramp)  # type: ignore[misc]
        case Objective.CONTRASTIVE:
            return objectives.contrastive(embeddings, labels)
        case Objective.TRIPLET_SEMIHARD:
            return objectives.triplet_semihard(embeddings, labels)
        case Objective.TRIPLET_HARD:
            return objectives.triplet_hard(embeddings, labels)
