"""The backend: a transaction begins together with its first statement.

psycopg2 sends BEGIN on its own and waits for the answer before it sends what the transaction is for. Here the
connection stays in psycopg2's autocommit mode, and Django's transactions are spelt out: BEGIN waits for the first
statement, and a transaction without one costs nothing. Savepoints, hooks and errors are Django's, unchanged.
"""

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

    def put_ahead(self, statement: str, values: Any, *, due: bool = False) -> None:
        """Run a statement whose answer nobody needs together with the next one of this transaction, or with its end.

        What goes wrong with it is raised there.

        Args:
            values: of its parameters, as a cursor takes them.
            due: it must run although nothing follows but COMMIT; settings of the transaction are then of no use.
        """
        self.ensure_connection()
        with self.connection.cursor() as cursor:
            text = cast(bytes, cursor.mogrify(statement, values)).decode()
        self.connection.ahead += f"{text};"
        self.connection.due |= due

    def _start_transaction_under_autocommit(self) -> None:
        self.connection.ahead, self.connection.due = BEGIN, False

    def _commit(self) -> None:
        if self.connection is None:
            return
        if not self.connection.due:
            self._drop()
        self._end("COMMIT")

    def _rollback(self) -> None:
        if self.connection is None:
            return
        self._drop()
        self._end("ROLLBACK")

    def _drop(self) -> None:
        """Forget what waits, but for what begins the transaction."""
        raw = self.connection
        raw.ahead, raw.due = BEGIN if raw.ahead.startswith(BEGIN) else "", False

    def _end(self, word: str) -> None:
        with debug_transaction(self, word), self.wrap_database_errors:
            if self.connection.ahead == BEGIN:  # nothing of the transaction was sent
                self.connection.ahead = ""
                return
            with self.connection.cursor() as cursor:
                cursor.execute(word)
