"""Liveness by networks of one's own training: one looks at small patches of skin, one at the shape of the face."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faceid.errors import ModelsUnavailable
from faceid.files import write_whole
from faceid.liveness.capture import Capture
from faceid.liveness.crops import face_crop
from faceid.liveness.method import Evidence, Method
from faceid.liveness.patches import grid_patches
from faceid.manifest import digest_of
from faceid.session import DEFAULT, Limits, OnnxSession, Session

MANIFEST = "networks.json"


class Kind(StrEnum):
    """What a network looks at; the values are the names of the methods."""

    PATCH = "patch_network"
    DEPTH = "depth_network"


@dataclass(frozen=True, slots=True)
class Network:
    """One trained network: what the manifest says of it.

    Attributes:
        kind: what it looks at.
        file: name beside the manifest.
        sha256: digest of the file, 64 hexadecimal digits.
        size: bytes.
        slope, intercept: of the line from the network's raw score to log-odds (Platt 1999), fitted on people and
            attacks that the network was not trained with.
        people: people trained with, and people of the fit.
        presentations: live ones and attacks trained with, and those of the fit.
        attacks: where the attacks came from: "made" for attacks that code made from photographs of the living, else
            what the operator calls the recordings.
        seed: of training.
    """

    kind: Kind
    file: str
    sha256: str
    size: int
    slope: float
    intercept: float
    people: tuple[int, int]
    presentations: tuple[int, int]
    attacks: str
    seed: int

    @classmethod
    def read(cls, fields: Mapping[str, object]) -> Self:
        """Make an entry of the manifest's JSON.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        if set(fields) != set(cls.__dataclass_fields__):
            raise ValueError("an entry has exactly the fields of Network")
        pairs = {name: _pair(fields[name]) for name in ("people", "presentations")}
        entry = cls(**{**fields, **pairs, "kind": Kind(str(fields["kind"]))})  # type: ignore[arg-type]
        if not (np.isfinite(entry.slope) and entry.slope > 0 and np.isfinite(entry.intercept)):
            raise ValueError("the slope is positive and both are finite")
        if Path(entry.file).name != entry.file:
            raise ValueError("a network lies beside its manifest")
        return entry


@dataclass(frozen=True, slots=True)
class PatchNetwork:
    """Texture of skin, paper and displays, judged patch by patch and averaged: Atoum, Liu, Jourabloo, Liu, IJCB 2017.

    Attributes:
        session: from ``patches``, RGB 0 to 255, float32, shape (n, 48, 48, 3), to log-odds, shape (n, 1).
        slope, intercept: from the mean of the patches to log-odds of the face.
    """

    session: Session
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def name(self) -> str:
        """``patch_network``."""
        return Kind.PATCH.value

    def raw(self, capture: Capture) -> NDArray[np.float32]:
        """Return the log-odds of every patch, float32, shape (n,)."""
        patches = grid_patches(capture.still).astype(np.float32)
        return np.asarray(self.session.run({"patches": patches})[0], dtype=np.float32).reshape(-1)

    def judge(self, capture: Capture) -> Evidence:
        """Say what the capture's still shows."""
        patches = self.raw(capture)
        score = self.slope * float(patches.mean()) + self.intercept
        return Evidence(
            self.name, score, (("patches", float(patches.size)), ("live_patches", float((patches > 0).mean())))
        )


@dataclass(frozen=True, slots=True)
class DepthNetwork:
    """Shape of the face, which a living one has and a flat picture has not: Liu, Jourabloo, Liu, CVPR 2018.

    Attributes:
        session: from ``faces``, RGB 0 to 255, float32, shape (n, 128, 128, 3), to depth, shape (n, 32, 32): 1 for the
            point nearest to the camera, 0 for what is flat or behind the face.
        slope, intercept: from the mean depth to log-odds.
    """

    session: Session
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def name(self) -> str:
        """``depth_network``."""
        return Kind.DEPTH.value

    def depth(self, capture: Capture) -> NDArray[np.float32]:
        """Return the depth that the network sees in the capture's still, float32, shape (32, 32), 0 to 1."""
        face = face_crop(capture.still).astype(np.float32)
        return np.asarray(self.session.run({"faces": face[None]})[0][0], dtype=np.float32)

    def judge(self, capture: Capture) -> Evidence:
        """Say what the capture's still shows."""
        mean = float(self.depth(capture).mean())
        return Evidence(self.name, self.slope * mean + self.intercept, (("mean_depth", mean),))


def load(directory: Path, limits: Limits = DEFAULT) -> tuple[Method, ...]:
    """Load the trained networks of a directory after checking their digests.

    Args:
        directory: holds ``networks.json`` and the files that it names.
        limits: threads, memory and execution provider of each network.

    Returns:
        One method per network; none where there is no manifest, because nobody has trained networks here.

    Raises:
        ModelsUnavailable: the manifest is unreadable, or a file is missing, has another digest or cannot run.
    """
    return tuple(_method(entry, directory, limits) for entry in manifest(directory))


def manifest(directory: Path) -> tuple[Network, ...]:
    """Read what ``networks.json`` of a directory says; empty where there is none.

    Raises:
        ModelsUnavailable: it is unreadable.
    """
    path = directory / MANIFEST
    if not path.exists():
        return ()
    try:
        return tuple(Network.read(fields) for fields in json.loads(path.read_text())["networks"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelsUnavailable(
            f"The liveness networks' {MANIFEST} is unreadable.",
            expected="the manifest that training wrote.",
            remedy="Train the networks again, or remove the manifest to do without.",
        ) from error


def save(networks: tuple[Network, ...], directory: Path) -> None:
    """Write the manifest of the networks that lie in a directory, whole or not at all."""
    text = json.dumps({"networks": [asdict(network) for network in networks]}, indent=2, sort_keys=True)
    write_whole(directory / MANIFEST, (text + "\n").encode())


def _method(entry: Network, directory: Path, limits: Limits) -> Method:
    path = directory / entry.file
    if not path.is_file() or digest_of(path) != entry.sha256:
        raise ModelsUnavailable(
            f"The liveness network {entry.file} is missing or is not the file that {MANIFEST} names.",
            expected=f"SHA-256 {entry.sha256}.",
            remedy="Train the networks again, or remove the manifest to do without.",
        )
    session = OnnxSession(path, limits)
    if entry.kind is Kind.PATCH:
        return PatchNetwork(session, entry.slope, entry.intercept)
    return DepthNetwork(session, entry.slope, entry.intercept)


def _pair(value: object) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("a pair has two numbers")
    return int(value[0]), int(value[1])
