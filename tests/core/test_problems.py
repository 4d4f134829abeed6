import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFilesSent, ValidationError
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, serializers

from core.api import as_problem
from core.problems import Conflict, Malformed, Problem, Unauthenticated, Unavailable


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Conflict("taken"), 409, "conflict"),
        (OperationalError("gone"), 503, "unavailable"),
        (InterfaceError("gone"), 503, "unavailable"),
        (serializers.ValidationError({"a": ["wrong"]}), 400, "malformed"),
        (ValidationError("wrong"), 400, "malformed"),
        (Http404("nowhere"), 404, "not_found"),
        (RequestDataTooBig("long"), 413, "too_large"),
        (TooManyFilesSent("many"), 413, "too_large"),
        (PermissionDenied("no"), 403, "forbidden"),
        (exceptions.NotAuthenticated(), 401, "unauthenticated"),
        (exceptions.PermissionDenied(), 403, "forbidden"),
        (exceptions.ParseError(), 400, "malformed"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.NotAcceptable(), 406, "not_acceptable"),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
    ],
)
def test_every_foreseen_error_has_its_status_and_code(error: Exception, status: int, code: str) -> None:
    problem = as_problem(error)

    assert problem is not None
    assert (problem.status, problem.code) == (status, code)
    assert problem.title
    assert problem.body("req_1")["request_id"] == "req_1"


@pytest.mark.parametrize("error", [RuntimeError(), KeyError("a"), ValueError("a"), DataError("a"), AssertionError()])
def test_a_defect_is_no_problem_of_the_caller(error: Exception) -> None:
    assert as_problem(error) is None


@pytest.mark.parametrize(("wait", "after"), [(None, "1"), (0, "1"), (2.4, "3"), (60, "60")])
def test_too_many_requests_say_when_to_come_again(wait: float | None, after: str) -> None:
    problem = as_problem(exceptions.Throttled(wait=wait))

    assert problem is not None
    assert (problem.status, problem.code, problem.headers) == (429, "too_many_requests", {"Retry-After": after})


def test_the_wrong_fields_are_named_with_their_path() -> None:
    detail = {"name": ["Too long."], "flights": [{}, {"ends_at": ["Too early."]}], "tags": {"0": ["No word."]}}

    problem = as_problem(serializers.ValidationError(detail))

    assert problem is not None
    assert [(error["field"], error["detail"]) for error in problem.errors] == [
        ("name", "Too long."), ("flights[1].ends_at", "Too early."), ("tags.0", "No word."),
    ]  # fmt: skip
    assert {error["code"] for error in problem.errors} == {"invalid"}


def test_a_problem_says_its_title_where_nothing_else_is_said(teapot: type[Problem]) -> None:
    problem = teapot()

    assert str(problem) == problem.detail == "A teapot"
    assert problem.body("req_1")["type"] == "urn:vitrine:problem:teapot"


def test_headers_and_errors_of_one_problem_are_its_own() -> None:
    first, second = Malformed("a"), Malformed("b")
    first.headers["X-First"] = "1"
    first.errors.append({"field": "a", "code": "b"})

    assert (second.headers, second.errors) == ({}, [])


def test_problems_that_need_a_header_bring_it() -> None:
    assert Unauthenticated().headers == {"WWW-Authenticate": "Bearer"}
    assert Unavailable(retry_after=30).headers == {"Retry-After": "30"}
