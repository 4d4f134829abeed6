"""Embeddings in a file: what an operator exported, or a public impostor set kept for the next calibration.

Nothing in this library writes templates by itself. A file of them is biometric data: keep it as such.
"""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faceid.errors import ContractMismatch
from faceid.openset.errors import TemplatesRefused

_UNIT = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """Embeddings of one contract, with who they show.

    Attributes:
        contract: id of the embedding contract.
        vectors: unit vectors, float32, shape (n, dimension).
        subjects: name of each one's subject, shape (n,).
    """

    contract: str
    vectors: NDArray[np.float32] = field(repr=False)
    subjects: NDArray[np.str_] = field(repr=False)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def codes(self) -> NDArray[np.int64]:
        """Code of each one's subject, 0 and up, int64, shape (n,)."""
        return np.unique(self.subjects, return_inverse=True)[1].astype(np.int64)

    def require(self, contract_id: str) -> None:
        """Refuse to be compared with embeddings of another contract.

        Raises:
            ContractMismatch: ``contract_id`` is not theirs.
        """
        if contract_id != self.contract:
            raise ContractMismatch(
                f"The embeddings were made under contract {self.contract}.",
                expected=f"contract {contract_id}.",
                remedy="Make them again with the models in use.",
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read an ``.npz`` with ``contract``, ``vectors`` and ``subjects``; pickled objects are refused.

        Raises:
            TemplatesRefused: missing, damaged, or not unit vectors with one subject each.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                contract, subjects = str(file["contract"][()]), file["subjects"].astype(str)
                vectors = np.asarray(file["vectors"], dtype=np.float32)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as error:
            raise _refused(f"{path} cannot be read ({type(error).__name__}).") from error
        if vectors.ndim != 2 or subjects.shape != (len(vectors),) or not len(vectors):
            raise _refused(f"{path} holds vectors of shape {vectors.shape} and subjects of shape {subjects.shape}.")
        length = np.linalg.norm(vectors, axis=1)
        if not np.all(np.abs(length - 1.0) < _UNIT):
            raise _refused(f"{path} holds vectors that are no unit vectors.")
        return cls(contract, vectors / length[:, None], subjects)

    def save(self, path: Path) -> None:
        """Write an ``.npz`` that only its owner may read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
        with path.open("wb") as file:
            np.savez(file, contract=np.array(self.contract), vectors=self.vectors, subjects=self.subjects)


def _refused(happened: str) -> TemplatesRefused:
    return TemplatesRefused(
        happened,
        expected="an .npz with `contract` (text), `vectors` (n x dimension, length 1) and `subjects` (n texts).",
        remedy="Export it again.",
    )
