"""A venue's side of the network: takes the server's messages, answers them, and goes when it is told to."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from recsys.training.errors import BadRequest
from recsys.training.federated.errors import FederationFailed, VenueRefused
from recsys.training.federated.flower import (
    ClientApp,
    Context,
    Message,
    MessageType,
    NumPyClient,
    RecordDict,
    RetryInvoker,
    constant,
    get_all_nested_objects,
    get_object_tree,
    grpc,
    grpc_request_response,
    inflate_object_from_contents,
    iterate_object_tree,
    no_object_id_recompute,
    pull_objects,
    push_object_contents_from_iterable,
    secaggplus_mod,
)
from recsys.training.federated.grid import BETWEEN
from recsys.training.federated.local import Arrays, LocalLearner
from recsys.training.federated.settings import Instructions, Link
from recsys.training.progress import Progress, silent

RETRY = 1.0
"""Seconds between two attempts to reach the server."""


class VenueClient(NumPyClient):  # type: ignore[misc]
    """Answers Flower's questions from a venue's log."""

    def __init__(self, learner: LocalLearner, progress: Progress = silent) -> None:
        self.learner = learner
        self.progress = progress

    def fit(self, parameters: Arrays, config: dict[str, Any]) -> tuple[Arrays, int, dict[str, Any]]:
        """Give how the weights change in this venue, and the venue's number of rows."""
        told = Instructions.read(config)
        changes, rows = self.learner.learn(parameters, told)
        self.progress("round", told.number, told.number, f"learnt from {rows} rows")
        return changes, rows, {}

    def evaluate(self, parameters: Arrays, config: dict[str, Any]) -> tuple[float, int, dict[str, Any]]:
        """Give the sum of the venue's losses, its number of rows, and its counts of scores."""
        curve = self.learner.measure(parameters, Instructions.read(config), str(config["part"]))
        return curve.loss, curve.rows, {"counts": curve.write()}


def take_part(link: Link, learner: LocalLearner, *, secure: bool, patience: float, progress: Progress = silent) -> None:
    """Take part in a federated training until the server says that it is over.

    Args:
        secure: answer with masked changes only (SecAgg+); a server that asks for plain ones gets none.
        patience: seconds for which to go on trying to reach the server.

    Raises:
        FederationFailed: the server cannot be reached, or turned this venue away.
        VenueRefused: the server asked for what this venue does not do.
    """
    app = ClientApp(client_fn=lambda _: VenueClient(learner, progress).to_client(), mods=[secaggplus_mod] * secure)
    trouble: list[Exception] = []
    calls = RetryInvoker(
        wait_gen_factory=partial(constant, RETRY),
        recoverable_exceptions=grpc.RpcError,
        max_tries=None,
        max_time=patience,
        should_giveup=_is_final,
    )
    try:
        # Flower's connection swallows what is raised within it
        with grpc_request_response(
            link.address,
            link.authority is None,
            calls,
            root_certificates=_content(link.authority),
            authentication_keys=_keys(link),
        ) as connection:
            try:
                _answer_all(app, connection)
            except Exception as error:
                trouble.append(error)
    except RuntimeError as error:  # and says that it could not connect by not beginning
        trouble.append(error)
    if trouble:
        _tell(trouble[0], link)


def _answer_all(app: Any, connection: Any) -> None:
    node, receive, send, _, _, pull, push, confirm = connection
    contexts: dict[int, Any] = {}
    while True:
        received = receive()
        if received is None:
            time.sleep(BETWEEN)
            continue
        message, tree = received
        run_id, name = message.metadata.run_id, message.metadata.message_id
        contents = pull_objects([part.object_id for part in iterate_object_tree(tree)], partial(pull, run_id))
        confirm(run_id, name)
        full = inflate_object_from_contents(name, contents)
        full.metadata.__dict__["_message_id"] = name
        over = full.metadata.message_type == MessageType.QUERY
        context = contexts.setdefault(
            run_id, Context(run_id=run_id, node_id=node, node_config={}, state=RecordDict(), run_config={})
        )
        _send(Message(RecordDict(), reply_to=full) if over else app(full, context), run_id, send, push)
        if over:
            return


def _send(answer: Any, run_id: int, send: Callable[..., set[str]], push: Callable[..., None]) -> None:
    with no_object_id_recompute():
        answer.metadata.__dict__["_message_id"] = answer.object_id
        parts = get_all_nested_objects(answer)
        wanted = send(answer, get_object_tree(answer), 0.0)
        push_object_contents_from_iterable(
            ((name, parts[name].deflate()) for name in wanted), push_object_fn=partial(push, run_id)
        )


def _is_final(error: Exception) -> bool:
    """Tell whether it is of no use to try again: the server is there and says no."""
    return bool(error.code() != grpc.StatusCode.UNAVAILABLE)  # type: ignore[attr-defined]


def _tell(error: Exception, link: Link) -> None:
    if isinstance(error, (VenueRefused, BadRequest)):
        raise error
    if isinstance(error, (grpc.RpcError, RuntimeError)):
        raise FederationFailed(
            f"the server at {link.address} cannot be reached, or turned this venue away; "
            "check the address, the certificates and the keys"
        ) from error
    raise VenueRefused(f"this venue could not answer: {type(error).__name__}: {error}") from error


def _content(path: Any) -> bytes | None:
    if path is None:
        return None
    try:
        content: bytes = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}") from error
    return content


def _keys(link: Link) -> tuple[Any, Any] | None:
    content = _content(link.own_key)
    if content is None:
        return None
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(content, password=None)
        return private, private.public_key()
    except (ValueError, TypeError) as error:
        raise BadRequest(f"{link.own_key} holds no private key in PEM: {error}") from error
