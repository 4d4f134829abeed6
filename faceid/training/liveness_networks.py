"""Training the networks that judge liveness, from frames of the living and of attacks to files that serve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from faceid.files import write_whole
from faceid.liveness.networks import MANIFEST, DepthNetwork, Kind, Network, PatchNetwork, save
from faceid.mesh import FaceMesh
from faceid.session import OnnxSession
from faceid.training.export import exported
from faceid.training.fitting import Plan, fit
from faceid.training.liveness_models import depth_model, patch_model
from faceid.training.platt import fit_line
from faceid.training.presentations import Examples, Sample, Shown, balance, examples
from faceid.training.tensorflow import seed_everything, tf

MADE = "made"
"""What the manifest calls attacks that code made from photographs of the living."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One network and how its training went.

    Attributes:
        network: its entry in the manifest.
        epochs: epochs until the held-out score was best.
        auc: area under the curve on the held-out people and attacks that stopped the training and fitted the line:
            the choice of the best epoch makes it look better than it is.
    """

    network: Network
    epochs: int
    auc: float


def train_networks(
    train: Iterable[Sample],
    held: Sequence[Sample],
    out: Path,
    *,
    surface: FaceMesh,
    seed: int = 0,
    attacks: str = MADE,
    varied: int = 2,
    plans: dict[Kind, Plan] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Trained, ...]:
    """Train the patch network and the depth network and write them with their manifest.

    Args:
        train: frames to train with; may be a generator, frames are not kept.
        held: frames of other people, with attacks of other parameters: they stop the training and fit the log-odds.
        out: directory, made if need be. The manifest is written last.
        surface: the dense landmarks, for the depth of living faces.
        seed: of weights, order and variation. The same seed, frames, machine and versions give the same networks.
        attacks: what the attacks are, for the manifest; "made" for attacks that code made.
        varied: how often every frame is varied.
        plans: how long to train; ``DEFAULT_PLANS`` where not given. Only the networks named are trained.
        say: is told a line per epoch.

    Returns:
        What was trained, in the order of ``plans``.

    Raises:
        ValueError: a person is both trained with and held out, or a side lacks the living or attacks.
        ParityError: a trained network could not be exported.
    """
    generator = np.random.default_rng(seed)
    seen: list[Shown] = []
    cut = examples(_noted(train, seen), surface, generator, varied=varied)
    _check(seen, [sample.shown for sample in held])
    stop = examples(held, surface, generator)
    out.mkdir(parents=True, exist_ok=True)
    results = []
    for kind, plan in (plans or DEFAULT_PLANS).items():
        seed_everything(seed)
        model, epochs = _fitted(kind, cut, stop, plan, say)
        path = out / f"{kind.value}.onnx"
        content = exported(model, _inputs(kind, stop))
        write_whole(path, content)
        line, auc = _calibrated(kind, path, held)
        entry = Network(
            kind=kind,
            file=path.name,
            sha256=sha256(content).hexdigest(),
            size=len(content),
            slope=line[0],
            intercept=line[1],
            people=(len({one.person for one in seen}), len({one.person for one in held})),
            presentations=(len(seen), len(held)),
            attacks=attacks,
            seed=seed,
        )
        results.append(Trained(entry, epochs, auc))
    save(tuple(result.network for result in results), out)
    say(f"wrote {MANIFEST}")
    return tuple(results)


DEFAULT_PLANS = {Kind.PATCH: Plan(epochs=10, batch=256), Kind.DEPTH: Plan(epochs=12, batch=64)}


def _noted(samples: Iterable[Sample], seen: list[Shown]) -> Iterator[Sample]:
    """Pass samples on and remember who and what they showed, without their frames."""
    for sample in samples:
        seen.append(sample.shown)
        yield sample


def _check(train: Sequence[Shown], held: Sequence[Shown]) -> None:
    shared = {one.person for one in train} & {one.person for one in held}
    if shared:
        raise ValueError(f"People {sorted(shared)} are both trained with and held out.")
    for name, samples in (("trained with", train), ("held out", held)):
        if {sample.species is None for sample in samples} != {True, False}:
            raise ValueError(f"The frames {name} need both living people and attacks.")


def _fitted(kind: Kind, cut: Examples, stop: Examples, plan: Plan, say: Callable[[str], None]) -> tuple[Any, int]:
    if kind is Kind.PATCH:
        each = cut.patches.shape[1]
        pixels = cut.patches.reshape(-1, *cut.patches.shape[2:])
        targets = np.repeat(cut.live.astype(np.float32), each)[:, None]
        weights = np.repeat(cut.weights, each)
        model, loss = patch_model(), _patch_loss
        flat = stop.patches.reshape(-1, *stop.patches.shape[2:])

        def score(answers: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(answers.reshape(len(stop.live), -1).mean(axis=1))
    else:
        pixels, targets, weights, flat = cut.crops, cut.depths, cut.weights, stop.crops
        model, loss = depth_model(), _depth_loss

        def score(answers: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(answers.mean(axis=(1, 2)))

    def auc() -> float:
        answers = np.asarray(model.predict(flat.astype(np.float32), batch_size=128, verbose=0))
        return _auc(score(answers), stop.live, stop.weights)

    return model, fit(model, pixels, targets, weights, loss=loss, plan=plan, quality=auc, say=say)


def _patch_loss(targets: Any, answers: Any) -> Any:
    """Cross entropy per patch, targets a little soft: a patch of plain wall is neither alive nor an attack."""
    soft = 0.05 + 0.9 * targets
    return tf.nn.sigmoid_cross_entropy_with_logits(soft, answers)[:, 0]


def _depth_loss(targets: Any, answers: Any) -> Any:
    """Squared distance of the maps, and of their mean, by which the network judges."""
    apart = tf.reduce_mean(tf.square(targets - answers), axis=[1, 2])
    means = tf.reduce_mean(targets, axis=[1, 2]) - tf.reduce_mean(answers, axis=[1, 2])
    return apart + tf.square(means)


def _inputs(kind: Kind, stop: Examples) -> NDArray[np.float32]:
    rows = stop.patches.reshape(-1, *stop.patches.shape[2:]) if kind is Kind.PATCH else stop.crops
    return rows[:64].astype(np.float32)


def _calibrated(kind: Kind, path: Path, held: Sequence[Sample]) -> tuple[tuple[float, float], float]:
    """Fit the log-odds on what the serving side itself makes of the held-out frames."""
    session = OnnxSession(path)
    if kind is Kind.PATCH:
        patch = PatchNetwork(session)
        scores = [float(patch.raw(sample.capture).mean()) for sample in held]
    else:
        depth = DepthNetwork(session)
        scores = [float(depth.depth(sample.capture).mean()) for sample in held]
    values, live = np.array(scores), np.array([sample.live for sample in held])
    weights = balance([sample.species for sample in held])
    return fit_line(values, live, weights.astype(np.float64)), _auc(values, live, weights)


def _auc(scores: NDArray[np.floating], live: NDArray[np.bool_], weights: NDArray[np.float32]) -> float:
    return float(roc_auc_score(live, scores, sample_weight=weights))
