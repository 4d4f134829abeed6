from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import DataError

from core.statements import Statement
from core.tenancy import operator_scope

ECHO = Statement("test_echo", ("uuid", "text", "int4[]"), "SELECT $1, $2 || '%' || $2, $3, $2")
HALF = Statement("test_half", ("int4",), "SELECT 10 / $1")


@pytest.fixture(autouse=True)
def fresh_connection(transactional_db: None) -> Iterator[None]:
    connection.close()
    yield
    connection.close()


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'test_%' ORDER BY 1")
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.parametrize("prepares", [True, False])
def test_values_arrive_typed_whether_prepared_or_sent_each_time(settings, prepares: bool):
    settings.DATABASE_PREPARES = prepares
    one = uuid4()

    rows = ECHO.rows([one, "50%", [1, 2]])

    assert rows == [(one, "50%%50%", [1, 2], "50%")]
    assert isinstance(rows[0][0], UUID)
    assert prepared() == (["test_echo"] if prepares else [])


def test_a_roll_back_leaves_the_statement_prepared_with_its_general_plan(django_assert_num_queries):
    with pytest.raises(DataError, match="division by zero"), transaction.atomic():
        HALF.rows([0])

    with django_assert_num_queries(1):
        assert HALF.rows([5]) == [(2,)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'test_half'")
        assert cursor.fetchone() == (2, 0)


def test_a_new_connection_prepares_anew():
    assert HALF.rows([5]) == [(2,)]
    connection.close()

    assert HALF.rows([2]) == [(5,)]


def test_a_prepared_statement_sees_the_operator_of_each_transaction():
    who = Statement("test_who", ("text",), "SELECT current_setting($1, true)")
    first, second = uuid4(), uuid4()

    with operator_scope(first):
        seen = who.rows(["app.operator"])
    with operator_scope(second):
        seen += who.rows(["app.operator"])

    assert seen == [(str(first),), (str(second),)]
