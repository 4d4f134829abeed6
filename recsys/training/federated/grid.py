"""The server's way to its venues: Flower's grid, over the very stores that Flower's gRPC service for venues works on.

Flower's own grids ask every three seconds, through a second service; this one sits beside the stores and asks often.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from recsys.training.federated.flower import (
    SUPERLINK_NODE_ID,
    Grid,
    Message,
    ObjectUnavailableError,
    get_all_nested_objects,
    get_object_tree,
    inflate_object_from_contents,
    iterate_object_tree,
    no_object_id_recompute,
    pull_objects,
    remove_content_from_message,
)

BETWEEN = 0.05
"""Seconds between two looks for answers."""


class StoreGrid(Grid):  # type: ignore[misc]
    """Hands messages to venues and takes their answers.

    Args:
        state, store: Flower's link state and object store.
        run_id: of a run that is under way.
    """

    def __init__(self, state: Any, store: Any, run_id: int) -> None:
        self.state = state
        self.store = store
        self.run_id = run_id

    def set_run(self, run_id: int) -> None:
        """Speak for another run."""
        self.run_id = run_id

    @property
    def run(self) -> Any:
        """Flower's record of the run, which counts its bytes."""
        return self.state.get_run_info(run_ids=[self.run_id])[0]

    def create_message(
        self, content: Any, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Any:
        """Make a message to a venue."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> list[int]:
        """Return the venues that are there, in order."""
        return sorted(self.state.get_nodes(self.run_id))

    def push_messages(self, messages: Iterable[Any]) -> list[str]:
        """Leave messages for venues; one for a venue that has gone is not left."""
        found = (self._push(message) for message in messages)
        return [name for name in found if name]

    def pull_messages(self, message_ids: Iterable[str]) -> list[Any]:
        """Take the answers that have come to some messages."""
        return [self._pull(answer) for answer in self.state.get_message_res(message_ids=set(message_ids))]

    def send_and_receive(self, messages: Iterable[Any], *, timeout: float | None = None) -> list[Any]:
        """Leave messages and wait for their answers, at most some seconds; late answers are left out."""
        waited, answers = set(self.push_messages(messages)), []
        end = None if timeout is None else time.monotonic() + timeout
        while waited:
            found = self.pull_messages(waited)
            answers += found
            waited -= {answer.metadata.reply_to_message_id for answer in found}
            if not waited or (end is not None and time.monotonic() > end):
                break
            time.sleep(BETWEEN)
        return answers

    def _push(self, message: Any) -> str | None:
        values = message.metadata.__dict__
        values["_run_id"], values["_src_node_id"] = self.run_id, SUPERLINK_NODE_ID
        with no_object_id_recompute():
            values["_message_id"] = message.object_id
            self.store.preregister(self.run_id, get_object_tree(message))
            for name, part in get_all_nested_objects(message).items():
                self.store.put(name, part.deflate())
        left: str | None = self.state.store_message_ins(remove_content_from_message(message))
        return left

    def _pull(self, answer: Any) -> Any:
        if answer.metadata.src_node_id == SUPERLINK_NODE_ID:
            return answer  # the link itself says that a venue went
        name = answer.metadata.message_id
        tree = self.store.get_object_tree(name)
        contents = pull_objects(
            [part.object_id for part in iterate_object_tree(tree)], self._object, initial_backoff=BETWEEN
        )
        full = inflate_object_from_contents(name, contents)
        full.metadata.__dict__["_message_id"] = name
        self.store.delete(name)
        self.state.delete_messages(message_ins_ids={answer.metadata.reply_to_message_id})
        return full

    def _object(self, name: str) -> bytes:
        content: bytes | None = self.store.get(name)
        if not content:
            raise ObjectUnavailableError(name)
        return content
