"""What is kept of a sharded training, so that forgetting somebody need not begin at the beginning.

Checkpoints are personal data: they were made from people's rows. They lie in a folder that only the trainer reads, are
named by the digest of all they were made from, and are deleted as soon as a training no longer arrives at them. This
module needs neither TensorFlow nor pyarrow: an erasure deletes checkpoints wherever it runs.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from recsys.training.report import write_whole
from recsys.training.unlearning.sharding import Sharding

Weights: TypeAlias = list[NDArray[np.float32]]
"""Every weight of a network, in its order."""

MANIFEST = "sharding.json"
_NAME = re.compile(r"shard-(\d+)\.slice-(\d+)\.([0-9a-f]{64})\.npz")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The course of the last training, which the next one repeats when only people have gone.

    Attributes:
        shards, slices: as people were dealt.
        boundaries: of each source the first instant of the validation and of the test part, and the last of all,
            microseconds since 1970 UTC.
        epochs: passes over each slice.
        batch_size: rows of one step.
    """

    shards: int
    slices: int
    boundaries: dict[str, tuple[int, int, int]]
    epochs: int
    batch_size: int


class Checkpoints:
    """A folder of checkpoints, made if missing and readable by its owner alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def manifest(self) -> Manifest | None:
        """Return the course of the last training; None if there was none, or its file cannot be read."""
        try:
            content = json.loads((self.folder / MANIFEST).read_bytes())
            boundaries = {source: _triple(places) for source, places in content.pop("boundaries").items()}
            return Manifest(boundaries=boundaries, **{name: int(value) for name, value in content.items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def write_manifest(self, manifest: Manifest) -> None:
        """Write the course of this training."""
        write_whole(self.folder / MANIFEST, json.dumps(asdict(manifest)).encode())

    def load(self, shard: int, part: int, digest: str) -> Weights | None:
        """Return the weights of a checkpoint; None if it is missing or damaged, since it can be made again."""
        try:
            with np.load(io.BytesIO(self._path(shard, part, digest).read_bytes()), allow_pickle=False) as file:
                return [file[name] for name in sorted(file.files, key=int)]
        except (OSError, ValueError, KeyError, BadZipFile):
            return None

    def save(self, shard: int, part: int, digest: str, weights: Weights) -> None:
        """Write a checkpoint, whole or not at all."""
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **{str(place): weight for place, weight in enumerate(weights)})
        path = self._path(shard, part, digest)
        write_whole(path, content.getvalue())
        path.chmod(0o600)

    def keep_only(self, digests: Iterable[str]) -> int:
        """Delete every other checkpoint, and what an interrupted write left; return how many files went."""
        wanted = set(digests)
        return self._delete(path for path, _, _, digest in self._files() if digest not in wanted) + self._delete(
            self.folder.glob(".*.partial")
        )

    def made_with(self, viewer: str, key: bytes) -> list[Path]:
        """Return every checkpoint that was made with a person's rows, or would have been if there were any.

        Args:
            viewer: the person's pseudonym, as the log names them.
            key: the key by which people were dealt. Without a readable manifest every file may have been.
        """
        manifest = self.manifest()
        if manifest is None:
            return [path for path in self.folder.iterdir() if path.is_file()]
        place = Sharding(manifest.shards, manifest.slices, key).place_of(viewer)
        return [path for path, shard, part, _ in self._files() if shard == place.shard and part >= place.slice]

    def forget(self, viewer: str, key: bytes) -> int:
        """Delete every checkpoint that was made with a person's rows, at once; return how many files went."""
        return self._delete(self.made_with(viewer, key))

    def clear(self) -> int:
        """Delete every checkpoint and the manifest; return how many files went."""
        return self._delete([path for path in self.folder.iterdir() if path.is_file()])

    def _files(self) -> list[tuple[Path, int, int, str]]:
        found = ((path, _NAME.fullmatch(path.name)) for path in sorted(self.folder.iterdir()))
        return [(path, int(match[1]), int(match[2]), match[3]) for path, match in found if match]

    def _path(self, shard: int, part: int, digest: str) -> Path:
        return self.folder / f"shard-{shard}.slice-{part}.{digest}.npz"

    def _delete(self, paths: Iterable[Path]) -> int:
        gone = 0
        for path in list(paths):
            path.unlink()
            gone += 1
        return gone


def _triple(places: Any) -> tuple[int, int, int]:
    validation, test, last = places
    return int(validation), int(test), int(last)
