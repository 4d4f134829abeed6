"""One training by several machines: all fit, the first one does the rest."""

from __future__ import annotations

from recsys.features import DEFAULT_SPEC, FeatureSpec
from recsys.training import distributed
from recsys.training.dataset import Split, data_digest
from recsys.training.experiment import configured, train_on
from recsys.training.fit import fit
from recsys.training.networks import build
from recsys.training.progress import Progress, silent
from recsys.training.report import TrainingReport
from recsys.training.request import TrainingRequest
from recsys.training.tensorflow import seed_everything


def train_together(
    split: Split, request: TrainingRequest, *, spec: FeatureSpec = DEFAULT_SPEC, progress: Progress = silent
) -> TrainingReport | None:
    """Train the networks of a request with the other machines that this process has joined.

    The first machine goes on to measure, calibrate and export; the others only lend a hand, and write nothing.

    Returns:
        The report, on the first machine only.

    Raises:
        TrainingRefused: as by `recsys.training.experiment.train_on`, or since the machines have different logs.
    """
    distributed.check_same(data_digest(request.parquet))
    if distributed.share().number == 0:
        return train_on(split, request, spec=spec, progress=progress)
    for kind in request.kinds:
        seed_everything(request.seed)
        fit(
            build(configured(kind, split), spec, request.seed),
            split,
            stage=kind,
            epochs=request.epochs,
            batch_size=request.batch_size,
            progress=progress,
        )
    return None
