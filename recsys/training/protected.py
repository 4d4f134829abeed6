"""Trainings that promise something about people: that they can be forgotten cheaply, or that nobody shows at all.

One network each, from a log that is held whole. Whatever else a training makes of a log (towers, a behaviour model,
the choice between kinds) would promise nothing, so a request that asks for both is refused.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import DEFAULT_SPEC, FeatureSpec
from recsys.serving.calibration import Calibration, calibrate_rows
from recsys.serving.metadata import ModelMetadata
from recsys.training.baselines import base_rate, item_rate
from recsys.training.calibrate import fit_calibration
from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Examples, Split, data_digest, read_dataset, split_by_time
from recsys.training.export import export
from recsys.training.fit import score
from recsys.training.metrics import Metrics, measure
from recsys.training.private.fit import fit_privately
from recsys.training.private.folded import build as build_folded
from recsys.training.private.terms import PrivacyReport, PrivacyTerms
from recsys.training.progress import Progress, silent
from recsys.training.report import ModelReport, TrainingReport
from recsys.training.request import TrainingRequest
from recsys.training.tensorflow import seed_everything
from recsys.training.unlearning.report import ShardingReport
from recsys.training.unlearning.sharded import plan, train_sharded

LIBRARIES = ("tensorflow", "tf2onnx", "onnxruntime", "numpy", "dp-accounting")


@dataclass(frozen=True, slots=True)
class _Protected:
    """A trained network, what was promised of it, and how many rows it went through."""

    network: Any
    split: Split
    calibration: Calibration
    rows_learnt: float
    sharding: ShardingReport | None = None
    privacy: PrivacyReport | None = None


def train_protected(
    request: TrainingRequest, *, spec: FeatureSpec = DEFAULT_SPEC, progress: Progress = silent
) -> TrainingReport:
    """Read a log, train in shards or privately, and export the network.

    Raises:
        ForbiddenFeature: the log holds something that no model may use, or that a scene denies.
        TrainingRefused: the log cannot be learnt from, the terms cannot be kept, or the export is not faithful.
    """
    started, trained_at = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
    examples = read_dataset(request.parquet, spec=spec, max_rows=request.max_rows, policy=request.policy)
    if request.privacy is not None:
        done = _privately(examples, request, request.privacy, spec, progress)
    else:
        done = _in_shards(examples, request, spec, progress)
    split, kind, data = done.split, request.kinds[0], data_digest(request.parquet)
    metadata = ModelMetadata(
        kind=kind, spec=spec.digest, data=data, trained_at=trained_at, calibration=done.calibration
    )
    progress("export", 0, 1, f"writing {kind} as ONNX")
    artefact = export(done.network, feeds=split.test.feeds, metadata=metadata, output=request.output)
    progress("export", 1, 1, f"{artefact.file}, differs from the network by {artefact.parity:.1e}")
    seconds = time.perf_counter() - started
    return TrainingReport(
        kind=kind,
        artefact=artefact,
        quantisation=None,
        gradients=None,
        spec=spec.digest,
        data=data,
        trained_at=trained_at,
        seed=request.seed,
        rows={name: len(part) for name, part in zip(Split._fields, split, strict=True)},
        boundaries={"validation": _instant(split.validation), "test": _instant(split.test)},
        models={kind: _report(kind, done, seconds)},
        baselines={
            "base_rate": _measure(split.test, base_rate(split.train, split.test)),
            "item_rate": _measure(split.test, item_rate(split.train, split.test)),
        },
        retrieval=None,
        behaviour=None,
        versions={library: version(library) for library in LIBRARIES},
        seconds=seconds,
        sharding=done.sharding,
        privacy=done.privacy,
    )


def _in_shards(examples: Examples, request: TrainingRequest, spec: FeatureSpec, progress: Progress) -> _Protected:
    planned = plan(
        examples, request.sharding, folder=request.checkpoints, epochs=request.epochs, batch_size=request.batch_size
    )
    trained = train_sharded(NetworkConfig.of(request.kinds[0]), planned, spec, seed=request.seed, progress=progress)
    network, validation = trained.network(), planned.split.validation
    calibration = fit_calibration(validation.labels, score(network, validation), validation.feeds)
    return _Protected(
        network, planned.split, calibration, rows_learnt=trained.report.rows_learnt, sharding=trained.report
    )


def _privately(
    examples: Examples, request: TrainingRequest, terms: PrivacyTerms, spec: FeatureSpec, progress: Progress
) -> _Protected:
    """Train on the earlier rows; a calibration would be one more thing read from people's rows, so there is none."""
    split = split_by_time(examples)
    seed_everything(request.seed)
    network = build_folded(NetworkConfig.of(request.kinds[0], forgetting=0.0), spec, request.seed)
    report = fit_privately(network, split.train, spec, terms, progress=progress)
    learnt = report.steps * report.sampling_rate * len(split.train)
    return _Protected(network, split, Calibration(), rows_learnt=learnt, privacy=report)


def _report(kind: str, done: _Protected, seconds: float) -> ModelReport:
    validation, test = score(done.network, done.split.validation), score(done.network, done.split.test)
    calibrated = calibrate_rows(test, done.calibration, done.split.test.feeds)
    measured = _measure(done.split.validation, validation)
    return ModelReport(
        kind=kind,
        validation=measured,
        test=_measure(done.split.test, calibrated),
        test_by_source=_by_source(done.split.test, calibrated),
        calibration=done.calibration,
        validation_log_loss=(measured.log_loss,),
        parameters=done.network.count_params(),
        seconds=seconds,
        rows_per_second=done.rows_learnt / seconds,
    )


def _by_source(examples: Examples, scores: NDArray[np.float32]) -> dict[str, Metrics]:
    rows_of = {
        source: np.flatnonzero(examples.source.codes == code) for code, source in enumerate(examples.source.vocabulary)
    }
    return {source: _measure(examples.take(rows), scores[rows]) for source, rows in rows_of.items() if len(rows)}


def _measure(examples: Examples, scores: NDArray[np.floating]) -> Metrics:
    return measure(examples.labels, scores, examples.viewer.codes)


def _instant(examples: Examples) -> str:
    return datetime.fromtimestamp(examples.at[0] / 1e6, UTC).isoformat()
