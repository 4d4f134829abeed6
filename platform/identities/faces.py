"""How an operator's faces become templates: which recogniser, which key, and thus which contract.

Most operators have one such space. One that moves to another recogniser has two for a while, and probes are made and
searched in both. Reading never writes: an operator without rows in ``identities_contract`` has the configured
recogniser and the first key of the key store.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from core import epochs
from core.epochs import Topic
from faceid.contract import EmbeddingContract
from faceid.detect import Face
from faceid.pipeline import Pipeline
from faceid.protect import SCHEME, Protection
from identities import keys, selectors
from identities.errors import ContractDiffers, ProtectionKeyLost, RecogniserMissing
from identities.models import Contract, State
from identities.pipelines import embed_again, pipeline, pipelines

__all__ = ["Space", "Spaces", "contract", "pipeline", "protection", "read", "spaces"]


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """One recogniser and one key of an operator."""

    pipeline: Pipeline
    protection: Protection

    @property
    def contract(self) -> EmbeddingContract:
        """The contract of everything in this space."""
        return self.pipeline.contract(self.protection.name)

    @property
    def id(self) -> str:
        """The contract's id."""
        return self.contract.id

    def template(self, image: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
        """Embed and protect a face that was found in an image; see ``identities.pipelines.embed_again``."""
        return self.protection.apply(embed_again(self.pipeline, image, face))


@dataclass(frozen=True, slots=True, eq=False)
class Spaces:
    """The spaces in which an operator's templates are searched.

    Attributes:
        active: the one that enrolments are for.
        next: the one the operator is moving to; None at most times.
        notice_version: first version of the notice that explains the renewal of a template.
    """

    active: Space
    next: Space | None = None
    notice_version: int | None = None

    def __iter__(self) -> Iterator[Space]:
        return iter((self.active, self.next) if self.next else (self.active,))

    def named(self, contract_id: str) -> Space:
        """Return the space of a contract.

        Raises:
            ContractDiffers: the operator has templates under other contracts only.
        """
        for space in self:
            if space.id == contract_id:
                return space
        known = " or ".join(space.id for space in self)
        raise ContractDiffers(
            f"The embeddings were made under contract {contract_id!r}. Expected: {known}."
            " Fetch the capture policy and make them again.",
            extra={"contracts": [space.id for space in self]},
        )


_lock = threading.Lock()
_known: dict[UUID, tuple[int, Spaces]] = {}


def spaces(operator_id: UUID, versions: Mapping[str, int]) -> Spaces:
    """Return an operator's spaces, at least as new as ``versions`` (no query while nothing changed).

    Args:
        versions: what ``core.epochs.versions`` read in this request.

    Raises:
        ProtectionKeyLost: the operator has templates but no key, or was closed.
        RecogniserMissing: a recogniser of theirs is not configured.
        Unavailable: models or keys cannot be opened.
    """
    wanted = versions.get(Topic.GALLERY, 0)
    known = _known.get(operator_id)
    if known is None or known[0] < wanted:
        found = read(operator_id)
        with _lock:  # a slower thread must not turn the memory back
            known = max((wanted, found), _known.get(operator_id, (-1, found)), key=lambda one: one[0])
            _known[operator_id] = known
    return known[1]


def read(operator_id: UUID) -> Spaces:
    """Return an operator's spaces as the database has them in this transaction, for services that write.

    Raises:
        ProtectionKeyLost, RecogniserMissing, Unavailable: as :func:`spaces`.
    """
    rows = {row.state: row for row in selectors.contracts(operator_id=operator_id)}
    if not rows:
        return Spaces(_first(operator_id))
    if State.ACTIVE not in rows:
        raise ProtectionKeyLost("The keys of this operator were destroyed. No face can be enrolled or recognised.")
    following = rows.get(State.NEXT)
    return Spaces(
        space_of(rows[State.ACTIVE]),
        space_of(following) if following else None,
        following.notice_version if following else None,
    )


def contract(operator_id: UUID) -> EmbeddingContract:
    """Return the contract of an operator's templates and probes, as the database has it now."""
    return read(operator_id).active.contract


def protection(operator_id: UUID) -> Protection:
    """Return the key of an operator's templates; the first call for a new operator draws it."""
    return read(operator_id).active.protection


def current(operator_id: UUID) -> Spaces:
    """Return an operator's spaces as of now (one query while nothing changed)."""
    return spaces(operator_id, epochs.versions(operator_id=operator_id))


def row_of(space: Space, operator_id: UUID, **fields: Any) -> Contract:
    """Return the unsaved row that records a space."""
    made = space.contract
    return Contract(
        operator_id=operator_id, name=made.id, recogniser=made.recogniser, preprocessing=made.preprocessing,
        dimension=made.dimension, key_id=space.protection.key_id, **fields,
    )  # fmt: skip


def space_of(row: Contract) -> Space:
    """Return the space that a row records.

    Raises:
        RecogniserMissing: the recogniser is not configured.
        ProtectionKeyLost: the key store has no such key.
    """
    made_by = _pipeline_of(row)
    return Space(made_by, keys.store().open(row.operator_id, row.key_id))


def _first(operator_id: UUID) -> Space:
    """Return the space of an operator who never changed recogniser or key; draw the key of a new one."""
    made_by = pipeline()
    key = keys.store().first(operator_id)
    if key is None:
        if selectors.count(operator_id=operator_id):
            raise ProtectionKeyLost(
                f"{operator_id}.key is missing, and a new key would make every template useless. Restore it."
            )
        key = keys.store().draw(operator_id, made_by.manifest.dimension)
    return Space(made_by, key)


def _pipeline_of(row: Contract) -> Pipeline:
    for candidate in pipelines():
        made = candidate.contract(f"{SCHEME}:{row.key_id}")
        if made.id == row.name:
            return candidate
    raise RecogniserMissing(
        f"The templates of contract {row.name} were made by the recogniser {row.recogniser[:12]}…, which is not"
        " configured. Set VITRINE_FACE_MODELS or VITRINE_FACE_MODELS_NEXT to its directory."
    )
