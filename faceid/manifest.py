"""The manifest beside the models: which files they are, where they come from, and how a network wants to be fed."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from faceid.declared import Misdeclared, read
from faceid.errors import ModelsUnavailable

FILE_NAME: Final = "manifest.json"
DETECTOR_FILE: Final = "yunet.onnx"
RECOGNISER_FILE: Final = "sface.onnx"
FORMAT: Final = 2
NOT_STATED: Final = "not stated"


class Colour(StrEnum):
    """Order of a network's colour channels."""

    RGB = "rgb"
    BGR = "bgr"


class Axes(StrEnum):
    """Order of a network's axes: items, channels, height and width."""

    NCHW = "nchw"
    NHWC = "nhwc"


class Family(StrEnum):
    """How a detector's outputs are laid out; see :mod:`faceid.layouts`."""

    YUNET = "yunet"
    DISTANCES = "distances"


class Scores(StrEnum):
    """What a detector's scores are."""

    PROBABILITY = "probability"
    LOGIT = "logit"


class Normalisation(StrEnum):
    """Who brings embeddings to unit length: this library, or the network itself (which is then checked)."""

    L2 = "l2"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One network's file and what may be done with it.

    Attributes:
        file: name beside the manifest.
        sha256: digest of the file, 64 hexadecimal digits.
        size: bytes.
        name: what the network is called where it was published.
        weights_licence: SPDX id of the weights' licence, or ``not stated``.
        training_data: what its makers say they trained it with.
        purpose: what it is for.
        source: package and version, or whoever made it.
        code_licence: SPDX id of the licence of the code it came with.
        source_sha256: digest of the published file it was repaired from; empty if it is used as published.
    """

    file: str
    sha256: str
    size: int
    name: str
    weights_licence: str
    training_data: str
    purpose: str = NOT_STATED
    source: str = NOT_STATED
    code_licence: str = NOT_STATED
    source_sha256: str = ""

    def __post_init__(self) -> None:
        """Refuse a file elsewhere than beside the manifest."""
        if self.file != Path(self.file).name or self.file in {"", ".", ".."}:
            raise Misdeclared(f"file is {self.file!r}; expected the name of a file beside the manifest")


@dataclass(frozen=True, slots=True)
class Input:
    """How a network wants pixels: ``(value - mean) / std`` for each channel's value of 0 to 255.

    Attributes:
        name: of the network's input.
        colour, axes: orders of channels and axes.
        mean, std: by channel, in the order of ``colour``; std above 0.
    """

    name: str
    colour: Colour
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    axes: Axes = Axes.NCHW

    def __post_init__(self) -> None:
        """Refuse figures that no pixel survives."""
        if not all(math.isfinite(value) for value in self.mean) or not all(0 < value < math.inf for value in self.std):
            raise Misdeclared("mean and std are finite numbers, and std is above 0")


@dataclass(frozen=True, slots=True)
class Level:
    """One grid of a detector of the family ``distances``: its stride in pixels and the names of its three outputs."""

    stride: int
    scores: str
    boxes: str
    landmarks: str


@dataclass(frozen=True, slots=True)
class DetectorModel:
    """A detector.

    Attributes:
        model: its file.
        input: how it wants pixels.
        family: how its outputs are laid out.
        levels: its grids, for the family ``distances``.
        anchors: boxes per cell, for the family ``distances``.
        scores: what its scores are, for the family ``distances``.
    """

    model: ModelFile
    input: Input
    family: Family
    levels: tuple[Level, ...] = ()
    anchors: int = 1
    scores: Scores = Scores.PROBABILITY

    def __post_init__(self) -> None:
        """Refuse grids that cannot be."""
        if (self.family is Family.DISTANCES) != bool(self.levels):
            raise Misdeclared("levels are the grids of the family distances, at least one, and of no other family")
        if self.anchors < 1 or any(not 1 <= level.stride <= 128 for level in self.levels):
            raise Misdeclared("anchors is at least 1 and each stride 1 to 128 pixels")


@dataclass(frozen=True, slots=True)
class RecogniserModel:
    """A recogniser.

    Attributes:
        model: its file.
        input: how it wants pixels.
        output: name of the output that is the embedding.
        dimension: numbers in one embedding, 2 to 4,096.
        side: side of the aligned crop it takes, pixels, 32 to 512.
        normalisation: who brings embeddings to unit length.
        flip: whether an embedding is the mean over a crop and its mirror image: twice the work, a little steadier.
    """

    model: ModelFile
    input: Input
    output: str
    dimension: int
    side: int = 112
    normalisation: Normalisation = Normalisation.L2
    flip: bool = False

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be."""
        if not 2 <= self.dimension <= 4096 or not 32 <= self.side <= 512:
            raise Misdeclared("dimension is 2 to 4096 and side 32 to 512 pixels")

    @property
    def preprocessing(self) -> str:
        """Everything beside the file that an embedding's numbers depend on, as part of the embedding contract.

        Landmarks are found again upright; the crop is a similarity to the ArcFace reference.
        """
        pixels = self.input
        mean, std = (",".join(repr(value).removesuffix(".0") for value in part) for part in (pixels.mean, pixels.std))
        ending = "-flip" if self.flip else ""
        return (
            f"upright-arcface{self.side}-{pixels.colour}-{pixels.axes}-mean{mean}-std{std}-"
            f"{pixels.name}-{self.output}-l2{ending}-v3"
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a directory of models holds."""

    detector: DetectorModel
    recogniser: RecogniserModel
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Refuse the manifests of other versions."""
        if self.format != FORMAT:
            raise Misdeclared(f"format is {self.format}; expected {FORMAT}")

    @property
    def dimension(self) -> int:
        """Numbers in one embedding."""
        return self.recogniser.dimension

    @property
    def preprocessing(self) -> str:
        """Part of the embedding contract; see :attr:`RecogniserModel.preprocessing`."""
        return self.recogniser.preprocessing

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read the manifest of ``directory`` and check that the files are the ones it names.

        Raises:
            ModelsUnavailable: the manifest or a file is missing, a declaration is wrong, or a file has another digest.
        """
        manifest = cls._read(directory)
        for model in (manifest.detector.model, manifest.recogniser.model):
            path = directory / model.file
            if not path.is_file() or path.stat().st_size != model.size or digest_of(path) != model.sha256:
                raise ModelsUnavailable(
                    f"The model file {model.file} is missing or is not the file its manifest names.",
                    expected=f"{model.size:,} bytes with SHA-256 {model.sha256}.",
                    remedy="Run `make models` to build the models again, or correct your own manifest.",
                )
        return manifest

    @classmethod
    def _read(cls, directory: Path) -> Self:
        try:
            return read(cls, json.loads((directory / FILE_NAME).read_text()), "manifest")
        except (OSError, ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, Misdeclared) else "it is missing or no JSON"
            raise ModelsUnavailable(
                f"The face models' {FILE_NAME} cannot be used: {reason}.",
                expected=f"two ONNX files and their {FILE_NAME} in the models directory.",
                remedy="Run `make models`, or correct your own manifest as docs/operations.md describes.",
            ) from error

    def to_json(self) -> str:
        """Write the manifest as indented JSON with sorted keys."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
