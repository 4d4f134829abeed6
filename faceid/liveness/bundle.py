"""The trained methods on disk: a manifest with digests beside the machines, and what training found out."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from faceid.errors import ModelsUnavailable
from faceid.files import write_whole
from faceid.liveness.fusion import Fusion
from faceid.liveness.machine import Machine
from faceid.liveness.policy import Purpose
from faceid.liveness.stills import DESCRIPTORS, StillMethod
from faceid.manifest import NOT_STATED, ModelFile, digest_of

DIRECTORY: Final = "liveness"
"""Where the files lie below the models directory."""

MANIFEST: Final = "liveness.json"

LARGEST: Final = 64 * 2**20
"""Bytes of one machine at most; a machine of the default training has 1.3 million."""

OWN: Final = "own"
"""Licence of what the project's own code trained: no other's weights are in it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What training makes.

    Attributes:
        stills: the methods with machines.
        fusion: weights of all methods.
        thresholds: least probability by purpose, 0 to 1.
        usual: by method, median log-odds of living people held out.
        training: what it was trained on, for people who read the manifest: plain JSON values. Older bundles say less.
    """

    stills: tuple[StillMethod, ...]
    fusion: Fusion
    thresholds: Mapping[Purpose, float]
    usual: Mapping[str, float]
    training: Mapping[str, Any]

    @property
    def untrained(self) -> tuple[str, ...]:
        """Methods for stills that this library has and the bundle has not, as one trained by an older version has."""
        trained = {method.name for method in self.stills}
        return tuple(name for name in DESCRIPTORS if name not in trained)

    def save(self, directory: Path) -> None:
        """Write machines and manifest, the manifest last; ``directory`` is made if need be."""
        directory.mkdir(parents=True, exist_ok=True)
        files = []
        for method in self.stills:
            data = method.machine.to_bytes()
            name = f"{method.name}.npz"
            write_whole(directory / name, data)
            files.append({"method": method.name, **asdict(self._file(method.name, name, data))})
        manifest = {
            "machines": files,
            "fusion": {"weights": dict(self.fusion.weights), "bias": self.fusion.bias},
            "thresholds": {purpose.value: value for purpose, value in self.thresholds.items()},
            "usual": dict(self.usual),
            "training": dict(self.training),
        }
        text = json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False)
        write_whole(directory / MANIFEST, (text + "\n").encode())

    def _file(self, method: str, name: str, data: bytes) -> ModelFile:
        sources = self.training.get("sources", [NOT_STATED])
        return ModelFile(
            file=name, sha256=sha256(data).hexdigest(), size=len(data), name=f"machine for {method}",
            weights_licence=OWN, training_data="; ".join(map(str, sources)), purpose="liveness of stills",
            source="python -m faceid liveness train", code_licence=OWN,
        )  # fmt: skip

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what :meth:`save` wrote, now or in an older version, after checking sizes and digests.

        A bundle that lacks a method which this version has judges without it: it says so in :attr:`untrained`, and once
        in the log.

        Raises:
            ModelsUnavailable: a file is missing, unreadable or too large, or is not the file the manifest names.
        """
        try:
            fields = json.loads((directory / MANIFEST).read_text())
            weights = tuple(sorted((str(name), _finite(value)) for name, value in fields["fusion"]["weights"].items()))
            found = cls(
                stills=tuple(_still(directory, entry) for entry in fields["machines"]),
                fusion=Fusion(weights, _finite(fields["fusion"]["bias"])),
                thresholds={purpose: _finite(fields["thresholds"][purpose.value]) for purpose in Purpose},
                usual={str(name): _finite(value) for name, value in fields["usual"].items()},
                training=dict(fields["training"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelsUnavailable(
                f"The liveness models' {MANIFEST} is missing or unreadable ({error}).",
                expected=f"{MANIFEST} and the machines it names in {DIRECTORY} below the models directory.",
                remedy="Run `make models`, or `python -m faceid liveness train`.",
            ) from error
        if found.untrained:
            logger.warning(
                "Liveness is judged without %s, for which nothing was trained here: train it again (`make models`).",
                ", ".join(found.untrained),
            )
        return found


def bundle_digest(models_dir: Path) -> str:
    """Return the SHA-256 of the manifest of a models directory's bundle, which names those of all its machines.

    Raises:
        OSError: there is none.
    """
    return digest_of(models_dir / DIRECTORY / MANIFEST)


def _still(directory: Path, entry: Mapping[str, Any]) -> StillMethod:
    path = directory / Path(str(entry["file"])).name
    if not path.stat().st_size == entry["size"] <= LARGEST:
        raise ValueError(f"{path.name} is not the {entry['size']} bytes the manifest names, or more than {LARGEST}")
    data = path.read_bytes()
    if sha256(data).hexdigest() != entry["sha256"]:
        raise ValueError(f"{path.name} is not the file the manifest names")
    return StillMethod(str(entry["method"]), Machine.from_bytes(data))


def _finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)
