"""A whole federated training over loopback gRPC."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from recsys.features import FeatureSpec
from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Split

pytestmark = pytest.mark.training

ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Finished:
    """The report of a training and what its venues raised."""

    report: Any
    raised: list[Exception | None]
    output: Path


def _train(
    splits: list[Split],
    spec: FeatureSpec,
    network: NetworkConfig,
    address: str,
    beside: Any,
    output: Path,
    **terms: Any,
) -> Finished:
    from recsys.training.federated.local import LocalLearner
    from recsys.training.federated.server import coordinate
    from recsys.training.federated.settings import Federation, Link
    from recsys.training.federated.venue import take_part

    link = Link(address)
    federation = Federation(network, len(splits), rounds=ROUNDS, epochs=2, batch_size=64, patience=60.0)
    calls = [
        lambda split=split: take_part(link, LocalLearner(split, spec), secure=federation.secure, patience=20.0)
        for split in splits
    ]
    with beside(*calls) as raised:
        report = coordinate(federation, link, spec, output=output)
    return Finished(report, raised, output)


@pytest.fixture(scope="module")
def finished(
    venue_splits: list[Split],
    small_spec: FeatureSpec,
    network: NetworkConfig,
    beside: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Finished:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return _train(venue_splits, small_spec, network, address, beside, tmp_path_factory.mktemp("federated"))


def test_venues_learn_together_and_are_told_when_it_is_over(finished: Finished) -> None:
    report = finished.report

    assert finished.raised == [None, None, None]
    assert [each.number for each in report.rounds] == [0, 1, 2]
    assert [each.averaged for each in report.rounds] == [False, True, True]
    assert {each.venues for each in report.rounds} == {3}
    assert report.rounds[-1].validation_log_loss < report.rounds[0].validation_log_loss - 0.02
    assert report.test_auc > 0.55


def test_the_best_rounds_model_is_the_one_measured_and_written(finished: Finished, venue_splits: list[Split]) -> None:
    from recsys.serving.ranker import open_session
    from recsys.training.federated.curves import Curve

    report = finished.report
    session = open_session((finished.output / report.artefact.file).read_bytes())
    curves = []
    for split in venue_splits:
        feeds = {node.name: split.test.feeds[node.name] for node in session.get_inputs()}
        curves.append(Curve.of(split.test.labels, session.run(None, feeds)[0].reshape(-1)))

    losses = {each.number: each.validation_log_loss for each in report.rounds}
    assert report.best_round == min(losses, key=lambda number: losses[number])
    assert report.test_rows == sum(len(split.test) for split in venue_splits)
    assert Curve.join(curves).log_loss == pytest.approx(report.test_log_loss, abs=1e-4)


def test_each_round_tells_what_it_cost(finished: Finished, tmp_path: Path) -> None:
    report = finished.report
    report.write(tmp_path / "report.json")
    written = json.loads((tmp_path / "report.json").read_text())

    assert all(each["bytes_sent"] > 0 and each["bytes_received"] > 0 for each in written["rounds"])
    assert sum(each["bytes_sent"] for each in written["rounds"]) <= written["bytes_sent"]
    assert written["secure"] is True
