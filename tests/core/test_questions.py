"""Questions of several apps in one round trip."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from core.questions import Question, Row, ask
from core.statements import Statement

pytestmark = pytest.mark.django_db

NUMBERS = Statement(
    "test_numbers", ("int4", "text"), "SELECT number, $2 || number AS word FROM generate_series(1, $1) AS number"
)
ECHO = Statement("test_echo_of", ("uuid", "int8[]"), "SELECT $1 AS one, $2 AS many, NULL::text AS nothing")


def listed(rows: Sequence[Row]) -> list[Row]:
    return list(rows)


def numbers(count: int, word: str) -> Question[list[Row]]:
    return Question(NUMBERS, [count, word], listed)


def echo(one: UUID, many: list[int]) -> Question[list[Row]]:
    return Question(ECHO, [one, many], listed)


@pytest.mark.parametrize("prepares", [True, False])
def test_each_question_gets_its_own_answer_in_one_query(settings, django_assert_num_queries, prepares: bool):
    settings.DATABASE_PREPARES = prepares
    key = uuid4()

    with django_assert_num_queries(1):
        first, second, third, fourth = ask(
            numbers(2, "50%"), echo(key, [2**53 + 1]), numbers(0, "none"), numbers(1, "x")
        )

    assert first == [(1, "50%1"), (2, "50%2")]
    assert second == [(str(key), [2**53 + 1], None)]
    assert third == []
    assert fourth == [(1, "x1")]


def test_one_question_may_be_asked_alone():
    [rows] = ask(numbers(1, "alone "))

    assert rows == [(1, "alone 1")]


def test_the_answer_is_what_the_question_makes_of_its_rows():
    [total] = ask(Question(NUMBERS, [4, ""], lambda rows: sum(number for number, _ in rows)))

    assert total == 10
