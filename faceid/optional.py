"""Networks beside the two that recognition needs: each set has a manifest of its own and may be absent."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from faceid.errors import ModelsUnavailable
from faceid.files import write_whole
from faceid.manifest import ModelFile, digest_of


@dataclass(frozen=True, slots=True)
class OptionalModels:
    """What the manifest of one optional set says.

    Attributes:
        files: the networks, in the order in which the set's user expects them.
        source_package: package and version that the files came from, or what their operator calls them.
        code_licence: SPDX id of that package's licence.
    """

    files: tuple[ModelFile, ...]
    source_package: str
    code_licence: str

    @classmethod
    def load(cls, directory: Path, name: str) -> Self | None:
        """Read the manifest ``name`` of ``directory`` and check that the files are the ones it names.

        Returns:
            None where there is no such manifest: the set was not installed.

        Raises:
            ModelsUnavailable: the manifest is unreadable, or a file is missing or has another digest. A set that is
                there but damaged is never treated as absent.
        """
        path = directory / name
        if not path.exists():
            return None
        models = cls._read(path)
        for file in models.files:
            if not (directory / file.file).is_file() or digest_of(directory / file.file) != file.sha256:
                raise ModelsUnavailable(
                    f"The model file {file.file} is missing or is not the file that {name} names.",
                    expected=f"SHA-256 {file.sha256}.",
                    remedy="Put the right file there, run `make models`, or remove the manifest to do without.",
                )
        return models

    @classmethod
    def _read(cls, path: Path) -> Self:
        try:
            fields = json.loads(path.read_text())
            files = tuple(ModelFile(**one) for one in fields.pop("files"))
            return cls(files=files, **fields)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelsUnavailable(
                f"The manifest {path.name} is unreadable.",
                expected="JSON with files, source_package and code_licence.",
                remedy="Run `make models`, or remove the manifest to do without.",
            ) from error

    def save(self, directory: Path, name: str) -> None:
        """Write the manifest as indented JSON with sorted keys."""
        write_whole(directory / name, (json.dumps(asdict(self), indent=2, sort_keys=True) + "\n").encode())
