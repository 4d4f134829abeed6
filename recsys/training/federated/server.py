"""The server's side of a federated training: rounds of asking, averaging and measuring."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from recsys.features import FeatureSpec, Feeds
from recsys.serving.metadata import Calibration, ModelMetadata
from recsys.training import networks
from recsys.training.export import export
from recsys.training.federated.averaging import Averaging, secure_sum
from recsys.training.federated.curves import Curve
from recsys.training.federated.errors import FederationFailed
from recsys.training.federated.flower import (
    MAIN_CONFIGS_RECORD,
    MAIN_PARAMS_RECORD,
    ConfigRecord,
    Context,
    EvaluateIns,
    GridClientProxy,
    LegacyContext,
    Message,
    MessageType,
    RecordDict,
    SimpleClientManager,
    WorkflowKey,
    default_fit_workflow,
    ndarrays_to_parameters,
    recorddict_compat,
)
from recsys.training.federated.grid import StoreGrid
from recsys.training.federated.hub import hub, wait_for
from recsys.training.federated.local import Arrays
from recsys.training.federated.report import FederationReport, RoundReport
from recsys.training.federated.settings import Federation, Link
from recsys.training.progress import Progress, silent
from recsys.training.report import ArtefactReport
from recsys.training.tensorflow import seed_everything
from recsys.training.unlearning.learner import start_at_rate

MOST_FAILURES = 3
PARITY_ROWS = 300


def coordinate(
    federation: Federation, link: Link, spec: FeatureSpec, *, output: Path | None = None, progress: Progress = silent
) -> FederationReport:
    """Wait for the venues, train with them, and write the best round's model.

    Args:
        output: folder for the model file; None to write none.

    Raises:
        FederationFailed: venues did not come, or too many rounds in a row had too few of them.
        BadRequest: a certificate or a key cannot be read.
    """
    started = time.perf_counter()
    seed_everything(federation.seed)
    network = networks.build(federation.network, spec, federation.seed)
    with hub(link) as grid:
        progress("venues", 0, federation.venues, f"waiting at {link.address}")
        wait_for(grid, federation.venues, federation.patience)
        rounds = Rounds(federation, grid, spec, network, progress)
        rounds.run()
        network.set_weights(rounds.best_weights)
        test = rounds.measure(rounds.best_weights, "test")
        sent, received = rounds.traffic()
    return FederationReport(
        kind=federation.network.kind,
        secure=federation.secure,
        venues=federation.venues,
        rounds=tuple(rounds.reports),
        best_round=rounds.best_round,
        test_log_loss=test.log_loss,
        test_auc=test.auc,
        test_rows=test.rows,
        bytes_sent=sent,
        bytes_received=received,
        seconds=time.perf_counter() - started,
        artefact=_export(network, spec, output) if output is not None else None,
    )


class Rounds:
    """The rounds of one training.

    Attributes:
        reports: of the rounds so far.
        best_round, best_weights: with the least validation log loss.
    """

    def __init__(
        self, federation: Federation, grid: StoreGrid, spec: FeatureSpec, network: Any, progress: Progress
    ) -> None:
        self.federation = federation
        self.reports: list[RoundReport] = []
        self.best_round = 0
        self._grid, self._spec, self._network, self._progress = grid, spec, network, progress
        self._fit = secure_sum(federation) if federation.secure else default_fit_workflow
        self._strategy = Averaging(network.get_weights(), federation.venues)
        self.best_weights = self._strategy.weights

    def run(self) -> None:
        """Measure the untrained network, begin at the venues' common rate, and go through the rounds.

        Raises:
            FederationFailed: three rounds in a row had too few venues.
        """
        first = self._round(0)
        if first is not None and first.rows:
            start_at_rate(self._network, np.repeat([0.0, 1.0], _both(first)).astype(np.float32))
            self._strategy.weights = self.best_weights = self._network.get_weights()
        for number in range(1, self.federation.rounds + 1):
            self._round(number)
            last = self.reports[-MOST_FAILURES:]
            if len(last) == MOST_FAILURES and not any(each.averaged for each in last):
                raise FederationFailed(
                    f"{MOST_FAILURES} rounds in a row had too few venues to add up; see the venues' own messages"
                )

    def measure(self, weights: Arrays, part: str) -> Curve:
        """Ask every venue how weights score a part of its log, and add up their counts."""
        content = self.federation.instructions(len(self.reports), self._spec.digest) | {"part": part}
        question = recorddict_compat.evaluateins_to_recorddict(
            EvaluateIns(ndarrays_to_parameters(weights), content), keep_input=True
        )
        asked = [
            Message(question, node, MessageType.EVALUATE, group_id=str(len(self.reports)))
            for node in self._grid.get_node_ids()
        ]
        answers = self._grid.send_and_receive(asked, timeout=self.federation.patience)
        found = [_curve(answer) for answer in answers if answer.has_content()]
        return Curve.join(found) if found else Curve.of(np.zeros(0, np.float32), np.zeros(0, np.float32))

    def traffic(self) -> tuple[int, int]:
        """Return the bytes that were sent and received so far."""
        run = self._grid.run
        return int(run.bytes_sent), int(run.bytes_recv)

    def _round(self, number: int) -> Curve | None:
        started, before = time.perf_counter(), self.traffic()
        venues = self._grid.get_node_ids()
        self._strategy.averaged = False
        if number:
            self._average(number, venues)
        curve = self.measure(self._strategy.weights, "validation")
        after, loss = self.traffic(), curve.log_loss
        self.reports.append(
            RoundReport(
                number=number,
                venues=len(venues),
                averaged=self._strategy.averaged,
                validation_log_loss=loss,
                validation_auc=curve.auc,
                bytes_sent=after[0] - before[0],
                bytes_received=after[1] - before[1],
                seconds=time.perf_counter() - started,
            )
        )
        if loss is not None and self._is_best(loss):
            self.best_round, self.best_weights = number, self._strategy.weights
        told = "nobody answered" if loss is None else f"validation log loss {loss:.4f}"
        self._progress("round", number, self.federation.rounds, f"{told}, {len(venues)} venues")
        return curve

    def _average(self, number: int, venues: list[int]) -> None:
        self._strategy.instructions = self.federation.instructions(number, self._spec.digest)
        manager = SimpleClientManager()
        for node in venues:
            manager.register(GridClientProxy(node, self._grid, self._grid.run_id))
        if len(venues) < self._strategy.min_available_clients:
            return
        run = Context(run_id=self._grid.run_id, node_id=0, node_config={}, state=RecordDict(), run_config={})
        context = LegacyContext(context=run, strategy=self._strategy, client_manager=manager)
        context.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({WorkflowKey.CURRENT_ROUND: number})
        parameters = ndarrays_to_parameters(self._strategy.weights)
        context.state.array_records[MAIN_PARAMS_RECORD] = recorddict_compat.parameters_to_arrayrecord(parameters, True)
        self._fit(self._grid, context)

    def _is_best(self, loss: float) -> bool:
        others = [each.validation_log_loss for each in self.reports[:-1] if each.validation_log_loss is not None]
        return not others or loss < min(others)


def _curve(answer: Any) -> Curve:
    result = recorddict_compat.recorddict_to_evaluateres(answer.content)
    return Curve.read(result.metrics["counts"], result.loss)


def _both(curve: Curve) -> list[int]:
    return [int(curve.negatives.sum()), int(curve.positives.sum())]


def _export(network: Any, spec: FeatureSpec, output: Path) -> ArtefactReport:
    """Write the model; the server has no rows, so network and file are compared on ids drawn at random."""
    random = np.random.default_rng(0)
    feeds: Feeds = {
        feature.name: random.integers(0, feature.size, (PARITY_ROWS, feature.length)).astype(np.int32)
        for feature in spec.features
    }
    trained_at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    metadata = ModelMetadata(network.config.kind, spec.digest, "federated", trained_at, Calibration())
    return export(network, feeds=feeds, metadata=metadata, output=output)
