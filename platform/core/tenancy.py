"""Tenancy: which operator's rows this transaction may see.

PostgreSQL's row-level security compares every row's operator with the transaction-local setting ``app.operator``.
A session-wide ``SET`` would leak through a transaction-pooling proxy, hence always ``set_config(…, true)``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.db import connection, transaction

if TYPE_CHECKING:
    from core.database.base import DatabaseWrapper


@contextmanager
def operator_scope(operator_id: UUID) -> Iterator[None]:
    """Run the block in a transaction that sees the rows of one operator."""
    yield from _scope(operator=str(operator_id), platform="")


@contextmanager
def platform_scope() -> Iterator[None]:
    """Run the block in a transaction that sees the rows of every operator.

    Only for finding out who is calling (credentials, pairing codes) and for tasks that walk over all operators.
    """
    yield from _scope(operator="", platform="on")


def enter(operator_id: UUID) -> None:
    """See the rows of one operator until the current transaction ends.

    Raises:
        TransactionManagementError: outside a transaction the setting would be lost at once.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("Enter an operator's scope inside a transaction.")
    _swap(operator=str(operator_id), platform="")


def _scope(*, operator: str, platform: str) -> Iterator[None]:
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:  # its settings end with its transaction, so nothing is to be restored
            _put_ahead(operator=operator, platform=platform)
            yield
            return
        before = _swap(operator=operator, platform=platform)
        yield
        _swap(operator=before[0], platform=before[1])  # on an error the roll-back to the savepoint restores them


def _put_ahead(*, operator: str, platform: str) -> None:
    """Set both together with the transaction's first statement, without a round trip of their own."""
    cast("DatabaseWrapper", connection).put_ahead(
        "SELECT set_config('app.operator', %s, true), set_config('app.platform', %s, true)", [operator, platform]
    )


def _swap(*, operator: str, platform: str) -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH before AS MATERIALIZED (SELECT coalesce(current_setting('app.operator', true), '') AS o,"
            " coalesce(current_setting('app.platform', true), '') AS p)"
            " SELECT o, p, set_config('app.operator', %s, true), set_config('app.platform', %s, true) FROM before",
            [operator, platform],
        )
        row = cursor.fetchone()
    return row[0], row[1]
