"""Questions of several apps that go to the database together, in one round trip.

Each app keeps its tables and its SQL to itself and says what it would ask; whoever needs several answers asks for them
at once. On a hot path a round trip costs more than what is asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar, overload

import orjson

from core.statements import Statement, shifted

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A question that is not asked yet.

    Attributes:
        statement: a SELECT whose columns have different names.
        values: its parameters.
        read: makes the answer of the rows. Values come as JSON has them: ids and times are text.
    """

    statement: Statement
    values: Sequence[Any]
    read: Callable[[Sequence[Row]], T]


@overload
def ask(first: Question[A], /) -> tuple[A]: ...
@overload
def ask(first: Question[A], second: Question[B], /) -> tuple[A, B]: ...
@overload
def ask(first: Question[A], second: Question[B], third: Question[C], /) -> tuple[A, B, C]: ...
@overload
def ask(first: Question[A], second: Question[B], third: Question[C], fourth: Question[D], /) -> tuple[A, B, C, D]: ...
def ask(*questions: Question[Any]) -> tuple[Any, ...]:
    """Return the answers to one question or more, in their order, in one round trip."""
    statement = _together(tuple(question.statement for question in questions))
    [answers] = statement.rows([value for question in questions for value in question.values])
    return tuple(
        question.read([tuple(row.values()) for row in orjson.loads(answer)])
        for question, answer in zip(questions, answers, strict=True)
    )


@lru_cache(maxsize=64)
def _together(statements: tuple[Statement, ...]) -> Statement:
    """Return one statement with a column for each, holding its rows as a JSON array of objects."""
    columns: list[str] = []
    types: list[str] = []
    for statement in statements:
        rows = shifted(statement.sql, by=len(types))
        columns.append(f"(SELECT coalesce(json_agg(answer), '[]')::text FROM ({rows}) AS answer)")  # noqa: S608
        types += statement.types
    return Statement("__".join(one.name for one in statements), tuple(types), f"SELECT {', '.join(columns)}")
