"""PostgreSQL and Valkey, started and stopped in order."""

from types import TracebackType
from typing import Self

from servers.postgres import Postgres
from servers.report import Say, silence
from servers.state import State
from servers.valkey import Valkey


class Pair:
    """The two servers of a state directory; whoever starts them holds its lock."""

    def __init__(self, state: State, *, durable: bool = True) -> None:
        self.postgres = Postgres(state, durable=durable)
        self.valkey = Valkey(state)

    def start(self, say: Say = silence) -> None:
        """Start PostgreSQL, then Valkey; when one does not start, none is left running."""
        try:
            self.postgres.start(say)
            self.valkey.start(say)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop Valkey, then PostgreSQL."""
        self.valkey.stop()
        self.postgres.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
