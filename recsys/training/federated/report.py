"""What a federated training tells about itself, round by round."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from recsys.training.report import ArtefactReport, write_whole


@dataclass(frozen=True, slots=True)
class RoundReport:
    """One round.

    Attributes:
        number: from 1; round 0 measures the untrained network.
        venues: that answered.
        averaged: whether the round changed the model; too few venues, and it does not.
        validation_log_loss, validation_auc: over the venues' validation parts together; None if nobody answered.
        bytes_sent, bytes_received: by the server, in this round.
    """

    number: int
    venues: int
    averaged: bool
    validation_log_loss: float | None
    validation_auc: float | None
    bytes_sent: int
    bytes_received: int
    seconds: float


@dataclass(frozen=True, slots=True)
class FederationReport:
    """One federated training.

    Attributes:
        kind: of the network.
        secure: whether only sums could be read.
        best_round: whose weights the model has: the one with the least validation log loss.
        test_log_loss, test_auc, test_rows: over the venues' test parts together.
        bytes_sent, bytes_received: by the server in all.
        artefact: the model file; None if none was asked for.
    """

    kind: str
    secure: bool
    venues: int
    rounds: tuple[RoundReport, ...]
    best_round: int
    test_log_loss: float | None
    test_auc: float | None
    test_rows: int
    bytes_sent: int
    bytes_received: int
    seconds: float
    artefact: ArtefactReport | None = None

    def write(self, path: Path) -> None:
        """Write the report as JSON, whole or not at all."""
        write_whole(path, json.dumps(asdict(self), indent=2).encode())
