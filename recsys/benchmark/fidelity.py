"""What speed costs in accuracy: networks against each other on a log, and smaller files against the full one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.benchmark.log import Log
from recsys.benchmark.models.networks import Network, feeds, network, specification
from recsys.benchmark.preparing import prepare
from recsys.benchmark.run import FIRST_SEED, Plan, benchmark
from recsys.benchmark.splitting import split
from recsys.serving.calibration import Calibration
from recsys.serving.metadata import ModelMetadata
from recsys.training.report import QuantisationReport
from recsys.training.request import QUANTISATIONS, Kind

REFERENCE: Kind = "din"


@dataclass(frozen=True, slots=True)
class Fidelity:
    """AUC on the later-in-time test rows of a log.

    Attributes:
        auc: of each kind of network, one value a seed.
        kind: of the network whose files were made smaller.
    """

    data: str
    auc: dict[str, list[float]]
    kind: Kind
    smaller: tuple[QuantisationReport, ...]

    def lines(self) -> list[str]:
        """Say it for people: means over seeds, and whether a smaller file may be offered."""
        told = [f"AUC on {self.data}, later in time, mean of {max(map(len, self.auc.values()))} seeds"]
        told += [f"  {name:<14s}{np.mean(values):.4f}  ({_list(values)})" for name, values in self.auc.items()]
        if {REFERENCE, self.kind} <= set(self.auc) and self.kind != REFERENCE:
            lead = float(np.mean(self.auc[self.kind]) - np.mean(self.auc[REFERENCE]))
            told.append(f"{'met   ' if lead >= 0 else 'MISSED'} {self.kind} less {REFERENCE}: {lead:+.4f}, at least 0")
        for report in self.smaller:
            share = report.bytes / report.full_bytes
            told.append(
                f"  {self.kind} {report.method}: AUC {report.auc} against {report.full_auc}, {share:.2f} of the bytes: "
                f"{report.refused or 'offered'}"
            )
        return told


def fidelity(log: Log, kinds: Sequence[Kind], seeds: int) -> Fidelity:
    """Train each kind with several seeds in processes of their own, and the last once more to make its file smaller.

    Raises:
        BenchmarkRefused: the log cannot be split.
    """
    report = benchmark(log, Plan(tuple(kinds), seeds))
    auc = {outcome.model: outcome.values("auc") for outcome in report.outcomes if outcome.values("auc")}
    return Fidelity(log.name, auc, kinds[-1], _smaller(log, kinds[-1]))


def _smaller(log: Log, kind: Kind) -> tuple[QuantisationReport, ...]:
    from recsys.training.export import convert
    from recsys.training.quantise import judge

    data = prepare(log, split(log, "global"), histories=True)
    model: Network = network(kind)()
    model.fit(data, seed=FIRST_SEED, say=_quiet)
    spec = specification(data)
    content = convert(model.network, ModelMetadata(kind, spec.digest, "0" * 64, "", Calibration()))
    rows = feeds(data, data.test)
    return tuple(judge(content, method, rows, data.test.labels, spec)[1] for method in QUANTISATIONS)


def _quiet(message: str) -> None:
    """Say nothing."""


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)
