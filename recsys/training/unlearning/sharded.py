"""One sharded training: split, constituents, one network that averages them, and what is kept for the next time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recsys.features import FeatureSpec
from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Examples, Split
from recsys.training.networks.network import Network
from recsys.training.progress import Progress, silent
from recsys.training.tensorflow import seed_everything
from recsys.training.unlearning.checkpoints import Checkpoints, Manifest, Weights
from recsys.training.unlearning.constituents import train_constituents
from recsys.training.unlearning.course import course
from recsys.training.unlearning.ensemble import average
from recsys.training.unlearning.report import ShardingReport
from recsys.training.unlearning.sharding import Sharding


@dataclass(frozen=True, slots=True)
class ShardedCourse:
    """A log on its way into a sharded training.

    Attributes:
        split: of the log, at the instants of the last training if only rows have gone since.
        manifest: how the training goes through it.
        folder: of the checkpoints; None to keep none.
    """

    split: Split
    manifest: Manifest
    sharding: Sharding
    folder: Path | None


@dataclass(frozen=True, slots=True)
class Sharded:
    """A finished sharded training.

    Attributes:
        weights: of each constituent.
    """

    config: NetworkConfig
    spec: FeatureSpec
    seed: int
    weights: list[Weights]
    report: ShardingReport

    def network(self) -> Network:
        """Build the network that averages the constituents."""
        return average(self.config, self.spec, self.weights, self.seed)


def plan(
    examples: Examples, sharding: Sharding, *, folder: Path | None, epochs: int | None, batch_size: int
) -> ShardedCourse:
    """Split a log for a sharded training; see `course`.

    Args:
        folder: of the checkpoints, made if missing; None to keep none and to begin at the beginning.

    Raises:
        OneClass: a part of the split holds no rows or only one kind of label.
    """
    last = Checkpoints(folder).manifest() if folder is not None else None
    split, manifest = course(examples, sharding, last, epochs=epochs, batch_size=batch_size)
    return ShardedCourse(split, manifest, sharding, folder)


def train_sharded(
    config: NetworkConfig, planned: ShardedCourse, spec: FeatureSpec, *, seed: int, progress: Progress = silent
) -> Sharded:
    """Train what has to be trained, and keep exactly the checkpoints that led there.

    Raises:
        BadRequest: the network is to have item-item weights.
        EmptyShard: a shard has no rows; no checkpoint was touched.
    """
    config.refuse_item_item("they are made of what people of all shards did")
    checkpoints = Checkpoints(planned.folder) if planned.folder is not None else None
    seed_everything(seed)
    done = train_constituents(
        config,
        planned.split.train,
        spec,
        planned.sharding,
        planned.manifest,
        seed=seed,
        checkpoints=checkpoints,
        progress=progress,
    )
    deleted = 0
    if checkpoints is not None:
        checkpoints.write_manifest(planned.manifest)
        deleted = checkpoints.keep_only(done.digests)
    return Sharded(config, spec, seed, done.weights, done.report(planned.manifest, deleted))
