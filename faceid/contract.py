"""The embedding contract: what must be equal before two embeddings may be compared."""

import hashlib
import json
from dataclasses import asdict, dataclass

from faceid.errors import ContractMismatch

UNPROTECTED = "none"


@dataclass(frozen=True, slots=True)
class EmbeddingContract:
    """How an embedding came to be.

    Attributes:
        recogniser: SHA-256 of the recogniser's file, 64 hexadecimal digits.
        preprocessing: version of crop, colour order, range and normalisation.
        dimension: numbers in one embedding.
        protection: scheme and key id of the template protection, or ``none``.
    """

    recogniser: str
    preprocessing: str
    dimension: int
    protection: str = UNPROTECTED

    @property
    def id(self) -> str:
        """Short name of the contract: ``emb_`` and 16 hexadecimal digits of the SHA-256 of its canonical JSON."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return "emb_" + hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def require(self, contract_id: str) -> None:
        """Refuse an embedding that was made under another contract.

        Raises:
            ContractMismatch: ``contract_id`` is not the id of this contract.
        """
        if contract_id != self.id:
            raise ContractMismatch(
                f"The embedding was made under contract {contract_id!r}.",
                expected=f"contract {self.id}.",
                remedy="Fetch the current capture policy and make the embedding again.",
            )
