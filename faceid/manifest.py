"""The manifest beside the models: which files they are, where they come from and what may be done with them."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from faceid.errors import ModelsUnavailable

FILE_NAME = "manifest.json"
DETECTOR_FILE = "yunet.onnx"
RECOGNISER_FILE = "sface.onnx"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One network.

    Attributes:
        file: name beside the manifest.
        sha256: digest of the file, 64 hexadecimal digits.
        size: bytes.
        name: what the network is called where it was published.
        source_sha256: digest of the file it was repaired from.
        weights_licence: SPDX id of the weights' licence.
        training_data: what its publishers say they trained it with.
    """

    file: str
    sha256: str
    size: int
    name: str
    source_sha256: str
    weights_licence: str
    training_data: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a directory of models holds.

    Attributes:
        detector, recogniser: the two networks.
        source_package: package and version whose files were repaired.
        code_licence: SPDX id of that package's licence.
        dimension: numbers in one embedding.
        preprocessing: version of crop, colour order, range and normalisation, part of the embedding contract.
    """

    detector: ModelFile
    recogniser: ModelFile
    source_package: str
    code_licence: str
    dimension: int
    preprocessing: str

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read the manifest of ``directory`` and check that the files are the ones it names.

        Raises:
            ModelsUnavailable: the manifest or a file is missing, or a file has another digest.
        """
        manifest = cls._read(directory)
        for model in (manifest.detector, manifest.recogniser):
            path = directory / model.file
            if not path.is_file() or digest_of(path) != model.sha256:
                raise ModelsUnavailable(
                    f"The model file {model.file} is missing or is not the file its manifest names.",
                    expected=f"SHA-256 {model.sha256}.",
                    remedy="Run `make models` to build the models again.",
                )
        return manifest

    @classmethod
    def _read(cls, directory: Path) -> Self:
        try:
            fields = json.loads((directory / FILE_NAME).read_text())
            detector, recogniser = ModelFile(**fields.pop("detector")), ModelFile(**fields.pop("recogniser"))
            return cls(detector=detector, recogniser=recogniser, **fields)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelsUnavailable(
                f"The face models' {FILE_NAME} is missing or unreadable.",
                expected=f"{DETECTOR_FILE}, {RECOGNISER_FILE} and {FILE_NAME} in the models directory.",
                remedy="Run `make models`.",
            ) from error

    def to_json(self) -> str:
        """Write the manifest as indented JSON with sorted keys."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
