"""One training from the exported log to a model file and a report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import DEFAULT_SPEC, PICTURE, FeatureSpec
from recsys.serving.calibration import Calibration, calibrate_rows
from recsys.serving.metadata import ModelMetadata
from recsys.training import items
from recsys.training.baselines import base_rate, item_rate
from recsys.training.behaviour import train_behaviour
from recsys.training.calibrate import fit_calibration
from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Examples, Split, data_digest, read_looks, read_split
from recsys.training.explain import NoGradients, export_gradients
from recsys.training.export import export
from recsys.training.fit import fit, score
from recsys.training.metrics import Metrics, measure
from recsys.training.networks import build
from recsys.training.networks.recurrent import adopt, adoptable
from recsys.training.progress import Progress, silent
from recsys.training.quantise import quantise_file
from recsys.training.report import (
    ArtefactReport,
    BehaviourReport,
    ModelReport,
    QuantisationReport,
    RetrievalReport,
    TrainingReport,
)
from recsys.training.request import Kind, TrainingRequest
from recsys.training.retrieval import towers, train_retrieval
from recsys.training.tensorflow import seed_everything

SEED_SPREAD = 0.002
"""Nats of log loss by which two seeds of one network differ on MovieLens-100k: no ground to prefer one kind."""

LIBRARIES = ("tensorflow", "deepctr", "tensorflow-recommenders", "tf2onnx", "onnxruntime", "numpy")


@dataclass(frozen=True, slots=True)
class _Trained:
    network: Any
    report: ModelReport


def train(request: TrainingRequest, *, spec: FeatureSpec = DEFAULT_SPEC, progress: Progress = silent) -> TrainingReport:
    """Read a log, train every kind of network asked for, and export the better one.

    Raises:
        ForbiddenFeature: the log holds something that no model may use, or that a scene denies.
        TrainingRefused: the log cannot be learnt from, or the export is not faithful.
    """
    return train_on(
        read_split(
            request.parquet,
            spec=spec,
            max_rows=request.max_rows,
            policy=request.policy,
            looks=read_looks(request.looks),
        ),
        request,
        spec=spec,
        progress=progress,
    )


def train_on(
    split: Split, request: TrainingRequest, *, spec: FeatureSpec = DEFAULT_SPEC, progress: Progress = silent
) -> TrainingReport:
    """Train on a log that is read and split already; see `train`."""
    started, trained_at = time.perf_counter(), datetime.now(UTC)
    plain = ModelMetadata(
        kind="behaviour",
        spec=spec.digest,
        data=data_digest(request.parquet),
        trained_at=trained_at.isoformat(timespec="seconds"),
        calibration=Calibration(),
    )
    behaviour, reader = _behaviour(split, spec, request, plain, progress)
    trained = {kind: _train_kind(kind, split, spec, request, reader, progress) for kind in request.kinds}
    kind = _best({name: model.report.validation.log_loss for name, model in trained.items()})
    best, plain = trained[kind], replace(plain, kind=kind)
    retrieval = _retrieval(split, spec, request, plain, progress)
    metadata = replace(
        plain, calibration=best.report.calibration, towers=towers(retrieval, request.output), vision=split.train.vision
    )
    progress("export", 0, 1, f"writing {kind} as ONNX")
    artefact = export(best.network, feeds=split.test.feeds, metadata=metadata, output=request.output)
    progress("export", 1, 1, f"{artefact.file}, differs from the network by {artefact.parity:.1e}")
    artefact, quantisation = _quantised(artefact, request, split.test, spec, progress)
    gradients = None
    if quantisation is None or quantisation.refused:  # gradients are taken at the tables of the full file
        gradients = _gradients(best.network, spec, split, request.output / artefact.file, artefact.digest, progress)
    return TrainingReport(
        kind=kind,
        artefact=artefact,
        quantisation=quantisation,
        gradients=gradients,
        spec=metadata.spec,
        data=metadata.data,
        trained_at=metadata.trained_at,
        seed=request.seed,
        rows={name: part.total for name, part in zip(Split._fields, split, strict=True)},
        boundaries={"validation": _instant(split.validation), "test": _instant(split.test)},
        models={name: model.report for name, model in trained.items()},
        baselines={
            "base_rate": _measure(split.test, base_rate(split.train, split.test)),
            "item_rate": _measure(split.test, item_rate(split.train, split.test)),
        },
        retrieval=retrieval,
        behaviour=behaviour,
        versions={library: version(library) for library in LIBRARIES},
        seconds=time.perf_counter() - started,
        vision=split.train.vision,
        looks=data_digest(request.looks) if request.looks and split.train.vision else "",
    )


def _best(losses: Mapping[Kind, float]) -> Kind:
    """Return the kind to export: the first that was asked for, unless another one is better by more than chance."""
    first, least = next(iter(losses)), min(losses, key=lambda kind: losses[kind])
    return least if losses[first] - losses[least] > SEED_SPREAD else first


def _train_kind(
    kind: Kind, split: Split, spec: FeatureSpec, request: TrainingRequest, reader: Any, progress: Progress
) -> _Trained:
    started = time.perf_counter()
    weights = adoptable(reader) if kind == "gru" and reader is not None else {}
    seed_everything(request.seed)
    network = build(configured(kind, split), spec, request.seed)
    adopt(network, weights)
    progress(kind, 0, 1, f"{split.train.total} rows, {network.count_params()} parameters")
    losses = fit(network, split, stage=kind, epochs=request.epochs, batch_size=request.batch_size, progress=progress)
    seconds = time.perf_counter() - started
    validation, test = score(network, split.validation), score(network, split.test)
    calibration = fit_calibration(split.validation.labels, validation, split.validation.feeds)
    calibrated = calibrate_rows(test, calibration, split.test.feeds)
    report = ModelReport(
        kind=kind,
        validation=_measure(split.validation, validation),
        test=_measure(split.test, calibrated),
        test_by_source=_by_source(split.test, calibrated),
        calibration=calibration,
        validation_log_loss=tuple(losses),
        parameters=network.count_params(),
        seconds=seconds,
        rows_per_second=split.train.total * len(losses) / seconds,
    )
    return _Trained(network, report)


def configured(kind: Kind, split: Split) -> NetworkConfig:
    """Return the usual network of a kind, with room for item-item weights among the creatives of the log.

    It looks at pictures where the log's creatives have some.
    """
    pictures = split.train.feeds.get(PICTURE)
    picture = 0 if pictures is None else pictures.shape[-1]
    return NetworkConfig.of(kind, picture=picture, item_item=items.rank_for(split.train))


def _quantised(
    artefact: ArtefactReport, request: TrainingRequest, test: Examples, spec: FeatureSpec, progress: Progress
) -> tuple[ArtefactReport, QuantisationReport | None]:
    """Put the smaller file that was asked for in the full one's place, if it ranks as well."""
    if request.quantise is None:
        return artefact, None
    artefact, report = quantise_file(artefact, request.quantise, folder=request.output, test=test, spec=spec)
    progress("quantise", 1, 1, f"{request.quantise}: {report.refused or f'{report.bytes} bytes'}")
    return artefact, report


def _gradients(
    network: Any, spec: FeatureSpec, split: Split, model: Path, digest: str, progress: Progress
) -> ArtefactReport | None:
    """Export what explains the network by gradients; without it, it is explained by leaving things out."""
    try:
        found = export_gradients(network, spec=spec, feeds=split.test.feeds, model=model, digest=digest)
    except NoGradients as error:
        progress("explain", 1, 1, f"explained by leaving things out: {error}")
        return None
    progress("explain", 1, 1, f"{found.file}, leaves at most {found.parity:.1e} log-odds of a score unexplained")
    return found


def _retrieval(
    split: Split, spec: FeatureSpec, request: TrainingRequest, metadata: ModelMetadata, progress: Progress
) -> RetrievalReport | None:
    if not request.retrieval:
        return None
    return train_retrieval(
        split,
        spec,
        seed=request.seed,
        metadata=metadata,
        output=request.output,
        progress=progress,
        kind=request.retriever,
    )


def _behaviour(
    split: Split, spec: FeatureSpec, request: TrainingRequest, metadata: ModelMetadata, progress: Progress
) -> tuple[BehaviourReport | None, Any]:
    """Train the behaviour model; also return the network, whose state a ranking network may begin with."""
    found = None
    if request.behaviour:
        found = train_behaviour(
            split, spec, seed=request.seed, metadata=metadata, output=request.output, progress=progress
        )
    return found or (None, None)


def _by_source(examples: Examples, scores: NDArray[np.float32]) -> dict[str, Metrics]:
    rows_of = {
        source: np.flatnonzero(examples.source.codes == code) for code, source in enumerate(examples.source.vocabulary)
    }
    return {source: _measure(examples.take(rows), scores[rows]) for source, rows in rows_of.items() if len(rows)}


def _measure(examples: Examples, scores: NDArray[np.floating]) -> Metrics:
    return measure(examples.labels, scores, examples.viewer.codes)


def _instant(examples: Examples) -> str:
    return datetime.fromtimestamp(examples.at[0] / 1e6, UTC).isoformat()
