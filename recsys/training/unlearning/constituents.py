"""Training the constituents: each shard from the last checkpoint that its rows still lead to.

Nobody has to say who was erased. A checkpoint carries the digest of everything it was made from, so a training finds by
itself which of them it would make again; the first slice with a row that is gone, and all behind it, are learnt anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import FeatureSpec
from recsys.training import networks
from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Examples
from recsys.training.progress import Progress, silent
from recsys.training.tensorflow import tf
from recsys.training.unlearning import learner as loop
from recsys.training.unlearning.checkpoints import Checkpoints, Manifest, Weights
from recsys.training.unlearning.errors import EmptyShard
from recsys.training.unlearning.learner import Learner, start_at_rate
from recsys.training.unlearning.report import ShardingReport, ShardReport
from recsys.training.unlearning.sharding import Sharding

SEED_STEP = 1_000_003


@dataclass(slots=True)
class Constituents:
    """All constituents of a sharded training.

    Attributes:
        weights: of each shard, in order.
        learner: holds the network that all of them are weights of.
        digests: of every checkpoint that this training arrived at.
        rows_learnt, rows_in_full, seconds: see `ShardingReport`.
    """

    weights: list[Weights]
    shards: list[ShardReport]
    learner: Learner
    digests: list[str]
    rows_learnt: int = 0
    rows_in_full: int = 0
    seconds: float = 0.0

    def report(self, manifest: Manifest, deleted: int) -> ShardingReport:
        """Return what is told of the training."""
        return ShardingReport(
            shards=tuple(self.shards),
            slices=manifest.slices,
            epochs=manifest.epochs,
            batch_size=manifest.batch_size,
            rows_learnt=self.rows_learnt,
            rows_in_full=self.rows_in_full,
            deleted=deleted,
            seconds=self.seconds,
        )


def train_constituents(
    config: NetworkConfig,
    train: Examples,
    spec: FeatureSpec,
    sharding: Sharding,
    manifest: Manifest,
    *,
    seed: int,
    checkpoints: Checkpoints | None,
    progress: Progress = silent,
) -> Constituents:
    """Train a constituent for each shard.

    Args:
        checkpoints: where to find and to leave them; None to begin at the beginning and to leave nothing.

    Raises:
        EmptyShard: a shard has no rows.
    """
    network = networks.build(config, spec, seed)
    learner = Learner(network, spec, batch_size=manifest.batch_size, seed=seed, learning_rate=config.learning_rate)
    untrained, base = learner.weights, _base_digest(config, spec, sharding, manifest, seed, learner.weights)
    done = Constituents([], [], learner, [])
    for shard, parts in enumerate(_parts(train, sharding)):
        if not sum(len(part) for part in parts):
            raise EmptyShard(f"shard {shard} of {sharding.shards} holds none of {len(train)} rows; use fewer shards")
        learner.weights = untrained
        start_at_rate(network, train.take(parts[0]).labels)
        _train_shard(done, shard, parts, train, base, manifest, checkpoints, seed)
        progress(
            "shards", shard + 1, sharding.shards, f"{done.shards[-1].slices_kept} of {sharding.slices} slices kept"
        )
    return done


def _train_shard(
    done: Constituents,
    shard: int,
    parts: list[NDArray[np.intp]],
    train: Examples,
    base: str,
    manifest: Manifest,
    checkpoints: Checkpoints | None,
    seed: int,
) -> None:
    """Learn one shard, slice by slice, from the furthest checkpoint that there is; see `train_constituents`."""
    digests = _digests(base, shard, [train.take(part) for part in parts])
    kept = _resume(done.learner, checkpoints, shard, digests)
    started = time.perf_counter()
    for part, digest in enumerate(digests):
        rows = np.sort(np.concatenate(parts[: part + 1]))
        done.rows_in_full += len(rows) * manifest.epochs
        if part < kept:
            continue
        done.learner.learn(train.take(rows), epochs=manifest.epochs, seed=seed + SEED_STEP * shard + part)
        done.rows_learnt += len(rows) * manifest.epochs
        if checkpoints is not None:
            checkpoints.save(shard, part, digest, done.learner.weights)
    done.seconds += time.perf_counter() - started
    done.digests += digests
    done.weights.append(done.learner.weights)
    done.shards.append(ShardReport(sum(len(part) for part in parts), kept, digest_of_weights(done.learner.weights)))


def digest_of_weights(weights: Weights) -> str:
    """Compute the SHA-256 over weights, in order, as 64 hexadecimal digits."""
    digest = sha256()
    for weight in weights:
        digest.update(f"{weight.dtype}{weight.shape}".encode() + np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _resume(learner: Learner, checkpoints: Checkpoints | None, shard: int, digests: list[str]) -> int:
    """Set the weights of the furthest usable checkpoint; return how many slices it holds."""
    if checkpoints is None:
        return 0
    for part in reversed(range(len(digests))):
        weights = checkpoints.load(shard, part, digests[part])
        if weights is not None and _fits(weights, learner.weights):
            learner.weights = weights
            return part + 1
    return 0


def _fits(weights: Weights, like: Weights) -> bool:
    return [weight.shape for weight in weights] == [weight.shape for weight in like]


def _parts(train: Examples, sharding: Sharding) -> Iterator[list[NDArray[np.intp]]]:
    """Yield for each shard the rows of each of its slices."""
    shards, slices = sharding.places(train)
    for shard in range(sharding.shards):
        yield [np.flatnonzero((shards == shard) & (slices == part)) for part in range(sharding.slices)]


def _digests(base: str, shard: int, parts: list[Examples]) -> list[str]:
    """Name the checkpoint behind each slice by all it is made from: settings, and the rows up to there."""
    digest, found = sha256(f"{base}:{shard}".encode()), []
    for part in parts:
        digest.update(f":{len(part)}:".encode() + part.labels.tobytes())
        for name in sorted(part.feeds):
            digest.update(name.encode() + np.ascontiguousarray(part.feeds[name]).tobytes())
        found.append(digest.hexdigest())
    return found


def _base_digest(
    config: NetworkConfig, spec: FeatureSpec, sharding: Sharding, manifest: Manifest, seed: int, untrained: Weights
) -> str:
    key = sha256(sharding.key).hexdigest()
    settings: list[Any] = [config.digest, spec.digest, sharding.shards, sharding.slices, key, seed]
    settings += [manifest.epochs, manifest.batch_size, tf.__version__, _code()]
    return sha256(f"{settings}{digest_of_weights(untrained)}".encode()).hexdigest()


def _code() -> str:
    """Digest the source of the networks and of the loop: another code makes other weights of the same rows."""
    digest = sha256()
    for path in (*sorted(Path(networks.__file__).parent.glob("*.py")), Path(loop.__file__)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
