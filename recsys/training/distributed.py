"""Several machines that learn one network together, each from a share of the rows.

`tf.distribute.MultiWorkerMirroredStrategy`: every machine holds all weights, and each step adds up the gradients of
all. With the same rows in a step, several machines make the very steps that one makes.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.training.errors import BadRequest
from recsys.training.tensorflow import tf

_joined: list[Any] = []
"""The strategy of this process once it has joined others; TensorFlow allows one for the life of a process."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which of equal shares of each step a machine has: ``number`` from 0, out of ``of``."""

    number: int = 0
    of: int = 1


def join(workers: tuple[str, ...], number: int) -> Share:
    """Make this process one of several that learn together; call before any other use of TensorFlow.

    Args:
        workers: addresses of all machines, ``host:port``, the same list in the same order on each.
        number: which of them this is, from 0.

    Raises:
        BadRequest: an address is none or occurs twice, or the number is not one of theirs.
    """
    if not all(map(_is_address, workers)) or len(set(workers)) != len(workers):
        raise BadRequest(f"workers must be different addresses host:port, got {', '.join(workers) or 'none'}")
    if not 0 <= number < len(workers):
        raise BadRequest(f"the number of a worker runs from 0 to {len(workers) - 1}, got {number}")
    task = {"cluster": {"worker": list(workers)}, "task": {"type": "worker", "index": number}}
    os.environ["TF_CONFIG"] = json.dumps(task)
    ring = tf.distribute.experimental.CommunicationImplementation.RING
    options = tf.distribute.experimental.CommunicationOptions(implementation=ring)
    _joined.append(tf.distribute.MultiWorkerMirroredStrategy(communication_options=options))
    return share()


def strategy() -> Any:
    """Return the strategy of this process, TensorFlow's default one while it learns alone."""
    return _joined[0] if _joined else tf.distribute.get_strategy()


def share() -> Share:
    """Tell the share of this process: all, while it learns alone."""
    if not _joined:
        return Share()
    resolver = strategy().cluster_resolver
    return Share(int(resolver.task_id), strategy().num_replicas_in_sync)


def agreed(value: float) -> float:
    """Average a number over all machines, so that all decide alike; a machine alone keeps its own."""
    return float(_added_up(np.float32(value)) / share().of) if _joined else value


def of_the_first(values: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Give every machine what the first one has; arrays of the same shapes on all."""
    if not _joined:
        return values
    mine = share().number == 0
    return [_added_up(value if mine else np.zeros_like(value)) for value in values]


def check_same(digest: str) -> None:
    """Make sure that all machines read the same log.

    Args:
        digest: of this machine's log, hexadecimal digits.

    Raises:
        BadRequest: on every machine, if one of them has another log.
    """
    own = np.frombuffer(bytes.fromhex(digest), dtype=np.uint8).astype(np.int32)
    unlike = np.float32((of_the_first([own])[0] != own).any())
    if agreed(float(unlike)):
        raise BadRequest("the machines do not have the same log; copy the first one's to the others")


def _added_up(value: Any) -> NDArray[Any]:
    def add(mine: Any) -> Any:
        found = strategy().run(tf.identity, args=(mine,))
        return strategy().reduce(tf.distribute.ReduceOp.SUM, found, axis=None)

    with strategy().scope():
        total: NDArray[Any] = tf.function(add)(tf.constant(value)).numpy()
    return total


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65_536
