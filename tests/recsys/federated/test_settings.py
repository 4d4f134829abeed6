"""What may be asked for, and over which address."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Split
from recsys.training.errors import BadRequest
from recsys.training.federated.curves import BINS, Curve
from recsys.training.federated.settings import Federation, Instructions, Link
from recsys.training.metrics import auc, log_loss


def test_instructions_arrive_as_they_were_given(network: NetworkConfig) -> None:
    told = Instructions.read(Federation(network, 5, epochs=3, batch_size=32, seed=9).instructions(4, "digest"))

    assert told == Instructions(4, network, 9, 3, 32, "digest")


@pytest.mark.parametrize(
    "wrong", [{"venues": 2}, {"venues": 65}, {"rounds": 0}, {"epochs": 0}, {"batch_size": 0}, {"patience": 0.0}]
)
def test_terms_that_make_no_sense_are_refused(network: NetworkConfig, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=next(iter(wrong))):
        Federation(**{"network": network, "venues": 3, **wrong})


def test_two_venues_may_only_average_openly(network: NetworkConfig) -> None:
    assert Federation(network, 2, secure=False).venues == 2
    with pytest.raises(BadRequest, match="hides nobody"):
        Federation(network, 2)


def test_a_network_of_several_tasks_is_refused() -> None:
    with pytest.raises(BadRequest, match="several tasks"):
        Federation(NetworkConfig.of("mmoe"), 3)


def test_item_item_weights_are_refused_among_venues() -> None:
    with pytest.raises(BadRequest, match="item_item must be 0 here, got 8: they are made of the logs of all venues"):
        Federation(NetworkConfig.of("dotdin", item_item=8), 3)


@pytest.mark.parametrize("content", [{}, {"round": "x"}, {"round": 1, "network": "{", "seed": 1}])
def test_instructions_that_are_none_are_refused(content: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        Instructions.read(content)


@pytest.mark.parametrize("address", ["127.0.0.1:9092", "[::1]:9092", "localhost:9092"])
def test_this_machine_needs_no_keys(address: str) -> None:
    assert Link(address).address == address


@pytest.mark.parametrize("address", ["0.0.0.0:9092", "10.1.2.3:9092", "venues.example:9092", "[::]:9092"])
def test_other_machines_need_certificates_and_keys(address: str) -> None:
    with pytest.raises(BadRequest, match="leads off this machine"):
        Link(address)
    with pytest.raises(BadRequest, match="leads off this machine"):
        Link(address, authority=Path("ca.pem"))
    assert Link(address, authority=Path("ca.pem"), own_key=Path("venue.key")).address == address


@pytest.mark.parametrize("address", ["", "9092", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", ":9092"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    with pytest.raises(BadRequest, match="host:port"):
        Link(address)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=300), st.integers(1, 5))
def test_counts_of_venues_add_up_to_the_figures_of_all_rows(rows: list[tuple[bool, float]], venues: int) -> None:
    labels = np.array([label for label, _ in rows], np.float32)
    scores = (np.floor(np.array([score for _, score in rows]) * (BINS - 1)) + 0.5).astype(np.float32) / BINS

    joined = Curve.join([Curve.of(labels[place::venues], scores[place::venues]) for place in range(venues)])

    assert joined.rows == len(rows)
    expected = auc(labels, scores)
    assert joined.auc == (None if expected is None else pytest.approx(expected, abs=1e-9))
    assert joined.log_loss == pytest.approx(log_loss(labels, scores), abs=1e-5)
    assert Curve.read(joined.write(), joined.loss).rows == joined.rows


@pytest.mark.parametrize("content", [b"", b"\0" * 8, (-np.ones((2, BINS))).astype("<i8").tobytes()])
def test_counts_that_are_none_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Curve.read(content, 0.0)


def test_people_stay_in_the_venue(venue_splits: list[Split]) -> None:
    from recsys.training.federated.local import anonymous

    hidden = anonymous(venue_splits[0])

    assert [int(part.feeds["viewer"].sum()) for part in hidden] == [0, 0, 0]
    assert venue_splits[0].train.feeds["viewer"].any()
    assert (hidden.train.feeds["history_creative"] == venue_splits[0].train.feeds["history_creative"]).all()


def test_importing_flower_reaches_for_no_network_and_starts_nothing() -> None:
    """In a process of its own, in which every connection is an error, and whose environment asks for the opposite."""
    program = (
        "import socket, sys, threading\n"
        "def refuse(*a, **k): raise AssertionError('a connection was made')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse\n"
        "import recsys.training.federated.flower as flower, os\n"
        "from flwr.common import telemetry\n"
        "assert telemetry.FLWR_TELEMETRY_ENABLED == '0', telemetry.FLWR_TELEMETRY_ENABLED\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    environment = os.environ | {"FLWR_TELEMETRY_ENABLED": "1"}

    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, env=environment)

    assert done.returncode == 0, done.stderr.decode()
