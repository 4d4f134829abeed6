"""The backend: a transaction begins together with its first statement.

psycopg2 sends BEGIN on its own and waits for the answer before it sends what the transaction is for. Here the
connection stays in psycopg2's autocommit mode, and Django's transactions are spelt out: BEGIN waits for the first
statement, and a transaction without one costs nothing. Savepoints, hooks and errors are Django's, unchanged.
"""

from collections.abc import Sequence
from typing import Any, cast

from django.db.backends.postgresql import base
from django.db.backends.utils import debug_transaction

from core.database.ahead import Connection, Cursor

BEGIN = "BEGIN;"


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's connection to PostgreSQL."""

    connection: Any

    def get_connection_params(self) -> dict[str, Any]:
        """Return psycopg2's arguments, with connections and cursors that can put statements off."""
        parameters: dict[str, Any] = super().get_connection_params()
        return {**parameters, "connection_factory": Connection, "cursor_factory": Cursor}

    def put_ahead(self, statement: str, values: Sequence[Any]) -> None:
        """Run a statement whose answer nobody needs together with the next one of this transaction.

        Args:
            values: text, each for one %s.
        """
        self.ensure_connection()
        with self.connection.cursor() as cursor:
            text = cast(bytes, cursor.mogrify(statement, values)).decode()
        self.connection.ahead += f"{text};"

    def _start_transaction_under_autocommit(self) -> None:
        self.connection.ahead = BEGIN

    def _commit(self) -> None:
        self._end("COMMIT")

    def _rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, word: str) -> None:
        if self.connection is None:
            return
        with debug_transaction(self, word), self.wrap_database_errors:
            if self.connection.ahead:  # nothing of the transaction was sent
                self.connection.ahead = ""
                return
            with self.connection.cursor() as cursor:
                cursor.execute(word)
