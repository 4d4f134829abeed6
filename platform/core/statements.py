"""SQL that every request pays for: parsed and planned once per connection instead of once per request."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connection

if TYPE_CHECKING:
    from core.database.base import DatabaseWrapper

_PLACE = re.compile(r"\$(\d+)")
_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def shifted(sql: str, *, by: int) -> str:
    """Return a statement's text with its parameters numbered from ``by`` + 1 on."""
    return _PLACE.sub(lambda found: f"${int(found[1]) + by}", sql)


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement that PostgreSQL keeps prepared: under row-level security, planning one takes longer than running it.

    A proxy that pools transactions (PgBouncer) hands every transaction another connection, which knows nothing of what
    was prepared: behind one, set ``DATABASE_PREPARES`` to off, and the same text is sent and planned each time.

    Attributes:
        name: of the prepared statement; one for each text.
        types: PostgreSQL types of the parameters.
        sql: the text, with its parameters as $1, $2 and so on.
    """

    name: str
    types: tuple[str, ...]
    sql: str

    def rows(self, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run the statement and return its rows."""
        with connection.cursor() as cursor:
            self._execute(cursor, values)
            return list(cursor.fetchall())

    def put_along(self, values: Sequence[Any]) -> None:
        """Run the statement, whose answer nobody needs, together with the next one or with the transaction's commit.

        It is written like any other when the transaction commits, and what goes wrong with it is raised there.
        """
        wrapper = cast("DatabaseWrapper", connection)
        if not settings.DATABASE_PREPARES:
            wrapper.put_ahead(self._plain, dict(zip(self._places, values, strict=True)), due=True)
            return
        wrapper.ensure_connection()
        self._prepare()
        wrapper.put_ahead(self._call, values, due=True)

    def _execute(self, cursor: Any, values: Sequence[Any]) -> None:
        if not settings.DATABASE_PREPARES:
            cursor.execute(self._plain, dict(zip(self._places, values, strict=True)))
            return
        self._prepare()
        cursor.execute(self._call, values)

    def _prepare(self) -> None:
        """Prepare the statement unless this connection did before. PREPARE outlives a roll-back of its transaction."""
        raw = connection.connection
        known = _prepared.setdefault(raw, set())
        if self.name in known:
            return
        with connection.wrap_database_errors, raw.cursor() as cursor:
            cursor.execute(f"PREPARE {self.name} ({', '.join(self.types)}) AS {self.sql}")
        known.add(self.name)

    @cached_property
    def _call(self) -> str:
        return f"EXECUTE {self.name} ({', '.join(['%s'] * len(self.types))})"

    @cached_property
    def _places(self) -> list[str]:
        return [f"p{number}" for number in range(1, len(self.types) + 1)]

    @cached_property
    def _plain(self) -> str:
        def place(found: re.Match[str]) -> str:
            return f"%(p{found[1]})s::{self.types[int(found[1]) - 1]}"

        return _PLACE.sub(place, self.sql.replace("%", "%%"))
