"""Transactions that begin with their first statement are transactions like any other."""

# ruff: noqa: PT012  # what a transaction does when it fails takes more than one statement

from collections.abc import Iterator

import pytest
from django.db import DataError, IntegrityError, ProgrammingError, connection, transaction
from psycopg2 import extensions

from accounts.models import Operator
from core.statements import Statement
from core.tenancy import platform_scope

IDLE, INSIDE = extensions.TRANSACTION_STATUS_IDLE, extensions.TRANSACTION_STATUS_INTRANS
MESSAGE = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()"


@pytest.fixture(autouse=True)
def fresh_connection(transactional_db: None) -> Iterator[None]:
    connection.close()
    yield
    connection.close()


def value(sql: str, values: list[object] | None = None) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


def status() -> int:
    return int(connection.connection.info.transaction_status)


def add(slug: str) -> None:
    Operator.objects.create(name=slug, slug=slug)


def slugs() -> set[str]:
    return set(Operator.objects.values_list("slug", flat=True))


def test_the_first_statement_takes_begin_along():
    with transaction.atomic():
        connection.ensure_connection()
        assert status() == IDLE
        assert str(value(MESSAGE)).startswith("BEGIN;SELECT query")
        assert status() == INSIDE
        value("SELECT pg_stat_clear_snapshot()")
        assert value(MESSAGE) == MESSAGE
    assert status() == IDLE


def test_a_transaction_without_a_statement_is_over_without_one():
    with transaction.atomic():
        pass

    assert status() == IDLE
    assert value(MESSAGE) == MESSAGE


def test_what_is_put_ahead_goes_with_the_next_statement_and_ends_with_the_transaction():
    with transaction.atomic():
        connection.put_ahead("SELECT set_config('app.operator', %s, true)", ["50% 'quoted'"])
        assert value("SELECT current_setting('app.operator') || %s", ["!"]) == "50% 'quoted'!"
    assert value("SELECT current_setting('app.operator', true)") == ""


def test_a_roll_back_undoes_what_was_written():
    with pytest.raises(RuntimeError), transaction.atomic():
        add("undone")
        raise RuntimeError
    assert slugs() == set()


def test_a_commit_keeps_what_was_written_and_runs_its_hooks():
    seen: list[set[str]] = []
    with transaction.atomic():
        add("kept")
        transaction.on_commit(lambda: seen.append(slugs()))
    assert seen == [{"kept"}]


def test_a_savepoint_can_be_the_first_statement():
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            add("inner")
            raise RuntimeError
        add("outer")
    assert slugs() == {"outer"}


def test_a_message_that_cannot_be_parsed_does_not_leave_its_transaction_open_to_the_world():
    with pytest.raises(RuntimeError), transaction.atomic():
        with pytest.raises(ProgrammingError):
            value("SELEC 1")
        add("undone")
        raise RuntimeError
    assert slugs() == set()


def test_a_statement_that_fails_ends_its_transaction():
    add("taken")
    with pytest.raises(IntegrityError), transaction.atomic():
        add("taken")
    assert slugs() == {"taken"}
    assert status() == IDLE


def test_a_deferred_constraint_fails_the_commit_and_leaves_nothing():
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        connection.put_ahead("SELECT set_config('app.platform', %s, true)", ["on"])
        cursor.execute(
            "INSERT INTO accounts_member (id, created_at, operator_id, user_id, role)"
            " SELECT gen_random_uuid(), now(), gen_random_uuid(), gen_random_uuid(), 'viewer'"
        )
    assert status() == IDLE
    with platform_scope():
        assert value("SELECT count(*) FROM accounts_member") == 0


def test_named_cursors_many_values_and_copies_see_the_transaction():
    with transaction.atomic():
        connection.put_ahead("SELECT set_config('app.operator', %s, true)", ["named"])
        with connection.chunked_cursor() as cursor:
            cursor.execute("SELECT current_setting('app.operator') FROM generate_series(1, 3)")
            assert cursor.fetchall() == [("named",)] * 3
    with pytest.raises(RuntimeError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO accounts_operator (id, created_at, name, slug, currency)"
                " VALUES (gen_random_uuid(), now(), %s, %s, 'EUR')",
                [["A", "a"], ["B", "b"]],
            )
        assert slugs() == {"a", "b"}
        raise RuntimeError
    assert slugs() == set()


def test_rows_stream_from_the_server_inside_a_transaction():
    for number in range(5):
        add(f"operator-{number}")
    with transaction.atomic():
        assert len(list(Operator.objects.iterator(chunk_size=2))) == 5


RENAME = Statement(
    "test_rename", ("text", "text"), "UPDATE accounts_operator SET name = $1, currency = $2 WHERE slug = 'kept'"
)


def name_of(slug: str) -> str:
    return str(Operator.objects.get(slug=slug).name)


@pytest.mark.parametrize("prepares", [True, False])
def test_what_is_put_along_is_written_by_the_commit(settings, prepares: bool):
    settings.DATABASE_PREPARES = prepares
    add("kept")
    with transaction.atomic():
        RENAME.put_along(["100% kept", "EUR"])
    assert name_of("kept") == "100% kept"


def test_what_is_put_along_is_seen_by_the_next_statement():
    add("kept")
    with transaction.atomic():
        assert slugs() == {"kept"}
        RENAME.put_along(["seen", "EUR"])
        assert name_of("kept") == "seen"


def test_a_roll_back_drops_what_was_put_along():
    add("kept")
    with pytest.raises(RuntimeError), transaction.atomic():
        RENAME.put_along(["dropped", "EUR"])
        raise RuntimeError
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            RENAME.put_along(["dropped", "EUR"])
            raise RuntimeError
        assert name_of("kept") == "kept"
    assert name_of("kept") == "kept"


def test_what_is_put_along_and_fails_fails_the_commit_and_leaves_nothing():
    add("kept")
    with pytest.raises(DataError), transaction.atomic():
        add("undone")
        RENAME.put_along(["n", "a currency too long"])
    assert slugs() == {"kept"}
    assert status() == IDLE
