"""What a training tells about itself."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from recsys.serving.metadata import Calibration
from recsys.training.metrics import Metrics
from recsys.training.private.terms import PrivacyReport
from recsys.training.unlearning.report import ShardingReport


@dataclass(frozen=True, slots=True)
class ArtefactReport:
    """One exported ONNX file.

    Attributes:
        file: its name inside the output directory.
        digest: SHA-256 of the file, 64 hexadecimal digits.
        parity: largest difference between the network and the file on real rows.
    """

    file: str
    digest: str
    bytes: int
    parity: float


@dataclass(frozen=True, slots=True)
class QuantisationReport:
    """A smaller file beside the full one, measured on the same rows.

    Attributes:
        refused: why it may not take the full one's place, empty when it may.
        auc, full_auc: on the later-in-time test part; None where the scores are no numbers.
        difference: largest between the scores of the two files, as probability; None likewise.
        bytes, full_bytes: of the files.
    """

    method: str
    refused: str
    auc: float | None
    full_auc: float | None
    difference: float | None
    bytes: int
    full_bytes: int


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One trained ranking network; test figures are of calibrated probabilities.

    Attributes:
        validation_log_loss: after each epoch, before calibration, nats.
        test_by_source: the same figures for the rows of each source alone.
        rows_per_second: of training, validation passes included.
    """

    kind: str
    validation: Metrics
    test: Metrics
    test_by_source: dict[str, Metrics]
    calibration: Calibration
    validation_log_loss: tuple[float, ...]
    parameters: int
    seconds: float
    rows_per_second: float


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """The two towers: how often the creative a viewer engaged with is among the ten nearest of all creatives.

    Attributes:
        recall, popularity_recall: at 10, on the later-in-time test positives; the second of the most engaged creatives.
    """

    positives: int
    creatives: int
    recall: float
    popularity_recall: float
    viewer_tower: ArtefactReport
    creative_tower: ArtefactReport
    seconds: float


@dataclass(frozen=True, slots=True)
class BehaviourReport:
    """The behaviour model: which category a viewer engages with next, for how long, and whether they come back.

    Attributes:
        accuracy, hit_rate, log_loss: at 1, at 3, and in nats, on the later-in-time test part; with `popular_` those of
            the categories' frequencies in the train part.
        dwell_error: root mean square distance between the logarithms of one more than the seconds; with `typical_` that
            of the train part's mean. None where the log holds no dwell.
        return_log_loss: nats; with `typical_` that of the train part's rate. None where the parts are too short to
            tell who came back.
    """

    examples: int
    categories: int
    accuracy: float
    hit_rate: float
    popular_accuracy: float
    popular_hit_rate: float
    log_loss: float
    popular_log_loss: float
    dwell_error: float | None
    typical_dwell_error: float | None
    return_log_loss: float | None
    typical_return_log_loss: float | None
    artefact: ArtefactReport
    seconds: float


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """One training.

    Attributes:
        kind: of the network that was better on validation; `artefact` is its file.
        spec, data: digests of the feature specification and of the exported log.
        trained_at: UTC, ISO 8601.
        rows: of the train, validation and test part.
        boundaries: first instant of the validation and of the test part, UTC, ISO 8601; each source is split on its
            own, these are the earliest.
        baselines: `base_rate` gives every row the rate of the train part, `item_rate` the creative's own.
        retrieval, behaviour: None when not asked for, or when the log holds no viewer with a history.
        quantisation: of the smaller file that was asked for; `artefact` is that file when it was not refused.
        gradients: the graph that explains the model, see `recsys.explain`; None where leaving things out explains it.
        vision, looks: what described the pictures that the networks look at, and the digest of the table of them; empty
            when they look at none.
        sharding, privacy: how a training that promises something about people kept it.
    """

    kind: str
    artefact: ArtefactReport
    quantisation: QuantisationReport | None
    gradients: ArtefactReport | None
    spec: str
    data: str
    trained_at: str
    seed: int
    rows: dict[str, int]
    boundaries: dict[str, str]
    models: dict[str, ModelReport]
    baselines: dict[str, Metrics]
    retrieval: RetrievalReport | None
    behaviour: BehaviourReport | None
    versions: dict[str, str]
    seconds: float
    vision: str = ""
    looks: str = ""
    sharding: ShardingReport | None = None
    privacy: PrivacyReport | None = None

    def write(self, path: Path) -> None:
        """Write the report as JSON, whole or not at all."""
        write_whole(path, json.dumps(asdict(self), indent=2).encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old one or all of the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
