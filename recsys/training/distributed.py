"""Several machines that learn one network together, each from a share of the rows.

`tf.distribute.MultiWorkerMirroredStrategy`: every machine holds all weights, and each step adds up the gradients of
all. With the same rows in a step, several machines make the very steps that one makes.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from recsys.training.errors import BadRequest
from recsys.training.tensorflow import tf


@dataclass(frozen=True, slots=True)
class Share:
    """Which of equal shares of each step a machine has: ``number`` from 0, out of ``of``."""

    number: int = 0
    of: int = 1


def share() -> Share:
    """Tell the share of this machine under the strategy in whose scope the caller is."""
    resolver = tf.distribute.get_strategy().cluster_resolver
    if resolver is None or not resolver.task_type:
        return Share()
    return Share(int(resolver.task_id), len(resolver.cluster_spec().task_addresses("worker")))


def agreed(value: float) -> float:
    """Average a number over all machines, so that all decide alike; a machine alone keeps its own."""
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync == 1:
        return value

    def average(mine: Any) -> Any:
        found = strategy.run(tf.identity, args=(mine,))
        return strategy.reduce(tf.distribute.ReduceOp.MEAN, found, axis=None)

    return float(tf.function(average)(tf.constant(value)))


def join(workers: tuple[str, ...], number: int) -> Any:
    """Make this process one of several that learn together, and return the strategy; call before any other TensorFlow.

    Args:
        workers: addresses of all machines, ``host:port``, the same list in the same order on each.
        number: which of them this is, from 0; the first writes what the training leaves behind.

    Raises:
        BadRequest: an address is none, occurs twice, or the number is not one of theirs.
    """
    malformed = [address for address in workers if not _is_address(address)]
    if malformed or len(set(workers)) != len(workers):
        raise BadRequest(f"workers must be different addresses host:port, got {', '.join(workers)}")
    if not 0 <= number < len(workers):
        raise BadRequest(f"the number of a worker runs from 0 to {len(workers) - 1}, got {number}")
    task = {"cluster": {"worker": list(workers)}, "task": {"type": "worker", "index": number}}
    os.environ["TF_CONFIG"] = json.dumps(task)
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.RING
    )
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65_536
