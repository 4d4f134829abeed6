"""The server's side of the network: Flower's service for venues (Fleet API, gRPC), in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from recsys.training.errors import BadRequest
from recsys.training.federated.errors import FederationFailed
from recsys.training.federated.flower import (
    FLWR_IN_MEMORY_DB_NAME,
    GRPC_MAX_MESSAGE_LENGTH,
    NOOP_ACCOUNT_NAME,
    NOOP_FEDERATION,
    NOOP_FLWR_AID,
    ConfigRecord,
    FfsFactory,
    FleetServicer,
    LinkStateFactory,
    Message,
    MessageType,
    NodeAuthServerInterceptor,
    NoOpFederationManager,
    ObjectStoreFactory,
    RecordDict,
    RunStatus,
    Status,
    add_FleetServicer_to_server,
    generic_create_grpc_server,
)
from recsys.training.federated.grid import BETWEEN, StoreGrid
from recsys.training.federated.settings import Link

FAREWELL = 10.0
"""Seconds that venues have to hear that the training is over."""


@contextmanager
def hub(link: Link) -> Iterator[StoreGrid]:
    """Let venues come, and give the way to them; on leaving they are told that it is over.

    Raises:
        FederationFailed: the address is taken.
        BadRequest: a certificate or a key cannot be read.
    """
    stores = ObjectStoreFactory()
    states = LinkStateFactory(FLWR_IN_MEMORY_DB_NAME, NoOpFederationManager(), stores)
    state = states.state()
    for key in link.venue_keys:
        state.create_node(NOOP_FLWR_AID, NOOP_ACCOUNT_NAME, _read(key), 0)
    with TemporaryDirectory(prefix="federated-") as folder:
        servicer = FleetServicer(states, FfsFactory(folder), stores, bool(link.venue_keys))
        server = _started(servicer, states, link)
        try:
            run_id = state.create_run(None, None, None, {}, NOOP_FEDERATION, ConfigRecord(), NOOP_FLWR_AID)
            for status in (Status.STARTING, Status.RUNNING):
                state.update_run_status(run_id, RunStatus(status, "", ""))
            grid = StoreGrid(state, stores.store(), run_id)
            try:
                yield grid
            finally:
                dismiss(grid)
        finally:
            server.stop(grace=1.0).wait()


def wait_for(grid: StoreGrid, venues: int, patience: float) -> list[int]:
    """Wait until so many venues have come, and return them in order.

    Raises:
        FederationFailed: they did not come in time.
    """
    end = time.monotonic() + patience
    while len(found := grid.get_node_ids()) < venues:
        if time.monotonic() > end:
            raise FederationFailed(
                f"{len(found)} of {venues} venues came within {patience:g} seconds; start the others, or ask for fewer"
            )
        time.sleep(BETWEEN)
    return found


def dismiss(grid: StoreGrid) -> None:
    """Tell every venue that is there that it can go."""
    farewells = [Message(RecordDict(), node, MessageType.QUERY, group_id="end") for node in grid.get_node_ids()]
    grid.send_and_receive(farewells, timeout=FAREWELL)


def _started(servicer: Any, states: Any, link: Link) -> Any:
    certificates = None
    if link.certificate is not None and link.key is not None and link.authority is not None:
        certificates = (_read(link.authority), _read(link.certificate), _read(link.key))
    try:
        server = generic_create_grpc_server(
            servicer_and_add_fn=(servicer, add_FleetServicer_to_server),
            server_address=link.address,
            max_message_length=GRPC_MAX_MESSAGE_LENGTH,
            certificates=certificates,
            interceptors=[NodeAuthServerInterceptor(states)],
        )
        server.start()
    except (RuntimeError, SystemExit) as error:  # Flower would end the process over a port that is taken
        raise FederationFailed(f"{link.address} cannot be listened on, it may be taken: {error}") from error
    return server


def _read(path: Any) -> bytes:
    try:
        content: bytes = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}") from error
    return content
