"""Enter a trained model as a candidate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from audit.services import record
from registry import files
from registry.models import ModelVersion
from registry.services.proof import digest_of, proven


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a version came from, beside its data, code and seed.

    Attributes:
        parent_id: the champion it was measured against, None for the first.
        configuration: SHA-256 over what decided about the networks and their training; empty when unknown.
        libraries: versions by name.
        gates: the gate's checks (``training.gate``).
        reference: how the data looked that it learnt from, as counts (``training.drift``).
    """

    parent_id: UUID | None = None
    configuration: str = ""
    libraries: Mapping[str, str] = field(default_factory=dict)
    gates: Sequence[Mapping[str, Any]] = ()
    reference: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def register(
    *,
    operator_id: UUID,
    source: Path,
    seed: int,
    code_version: str,
    actor: str,
    metrics: Mapping[str, Any] | None = None,
    consent_snapshot: Mapping[str, Any] | None = None,
    run_id: UUID | None = None,
    verdict: str = "",
    lineage: Lineage | None = None,
    gradients: Path | None = None,
) -> ModelVersion:
    """Keep a trained model's file and enter it as a candidate; what the file says about itself is taken from it.

    Args:
        gradients: the graph that explains it (``recsys.explain``); None where it is explained without one.

    Raises:
        ModelFileUnusable: the file cannot be served by this code; nothing was kept.
    """
    ranker = proven(source, digest_of(source))
    digest = files.store(source)
    if gradients is not None:
        files.store_gradients(gradients, model=digest)
    lineage = lineage or Lineage()
    version = ModelVersion.objects.create(
        operator_id=operator_id, run_id=run_id, kind=ranker.metadata.kind, metrics=dict(metrics or {}), verdict=verdict,
        spec_digest=ranker.metadata.spec, data_digest=ranker.metadata.data, file_digest=digest,
        bytes=source.stat().st_size, consent_snapshot=dict(consent_snapshot or {}),
        code_version=code_version, seed=seed, trained_at=datetime.fromisoformat(ranker.metadata.trained_at),
        parent_id=lineage.parent_id, configuration=lineage.configuration, libraries=dict(lineage.libraries),
        gates=list(lineage.gates), reference=dict(lineage.reference),
    )  # fmt: skip
    record(
        operator_id=operator_id, actor=actor, action="model.registered", target=version.public_id,
        detail={"file": digest, "data": version.data_digest},
    )  # fmt: skip
    return version
