"""A psycopg2 connection that can put statements off until there is something to send them along with."""

from typing import Any

from psycopg2 import extensions, sql


class Connection(extensions.connection):  # type: ignore[misc]  # psycopg2 has no types
    """A connection with statements that wait for company.

    Attributes:
        ahead: SQL that goes before the next statement, in the same message; every statement ends with a semicolon.
        due: whether it does something that must be done also when no statement follows but the end of the transaction.
    """

    ahead: str = ""
    due: bool = False


class Cursor(extensions.cursor):  # type: ignore[misc]  # psycopg2 has no types
    """A cursor that takes along what waits on its connection.

    PostgreSQL runs the statements of one message in turn and psycopg2 keeps the answer to the last, so what waits must
    not be asked for its answer. A message that cannot be parsed is refused whole: then nothing of it happened, and what
    waited waits on.
    """

    connection: Connection

    def execute(self, query: Any, vars: Any = None) -> None:  # psycopg2's name
        """Run a statement after those that wait."""
        ahead = self.connection.ahead
        if not ahead:
            super().execute(query, vars)
        elif self.name:
            self.flush()
            super().execute(query, vars)
        else:
            self._send(ahead, ahead + self._text(query) if vars is None else _escaped(ahead) + self._text(query), vars)

    def executemany(self, query: Any, vars_list: Any) -> None:
        """Run a statement for each of many values."""
        self.flush()
        super().executemany(query, vars_list)

    def callproc(self, procname: Any, parameters: Any = None) -> None:
        """Call a function of the database."""
        self.flush()
        super().callproc(procname, parameters)

    def copy_expert(self, *given: Any, **named: Any) -> None:
        """Copy rows from a file or to one."""
        self.flush()
        super().copy_expert(*given, **named)

    def flush(self) -> None:
        """Send what waits by itself."""
        ahead = self.connection.ahead
        if ahead:
            with extensions.connection.cursor(self.connection, cursor_factory=extensions.cursor) as plain:
                self.connection.ahead, self.connection.due = "", False
                plain.execute(ahead)

    def _send(self, ahead: str, message: str, values: Any) -> None:
        due, self.connection.ahead, self.connection.due = self.connection.due, "", False
        try:
            super().execute(message, values)
        except Exception:
            if self.connection.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE:
                self.connection.ahead, self.connection.due = ahead, due
            raise

    def _text(self, query: Any) -> str:
        if isinstance(query, bytes):
            return query.decode()
        return str(query.as_string(self) if isinstance(query, sql.Composable) else query)


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
