"""Whatever is sent, the answer is a success or a problem document that says what to change, never an error of ours."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi import checks

from config.wsgi import application as vitrine

PROBLEM = {"type", "title", "status", "detail", "code", "errors", "request_id"}
Body = Callable[[Mapping[str, str]], dict[str, Any]]

AS_DOCUMENTED = [
    checks.status_code_conformance, checks.content_type_conformance, checks.response_headers_conformance,
    checks.response_schema_conformance,
]  # fmt: skip
EXAMPLES = 10
bounded = settings(
    deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture(scope="module")
def schema(worlds: Any) -> BaseSchema:
    """The document as the server hands it out, tied to the server in this process."""
    return schemathesis.openapi.from_wsgi("/v1/openapi.json", within_the_transaction)


def within_the_transaction(environ: Any, start_response: Any) -> list[bytes]:
    """Answer without closing the connection that holds the test's transaction, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        answer = vitrine(environ, start_response)
        content = list(answer)
        answer.close()
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
    return content


def verdict(response: Any, body: bytes) -> str:
    """Return what is wrong with an answer, empty when nothing is."""
    if response.status_code < 400:
        return ""
    headers = {name.lower(): value for name, value in response.headers.items()}
    content_type = headers["content-type"]
    if isinstance(content_type, list):
        content_type = content_type[0]
    if response.status_code >= 500 or content_type != "application/problem+json":
        return f"{response.status_code} {content_type} {body[:200]!r}"
    missing = PROBLEM - set(response.json())
    return f"without {missing}" if missing else ""


def undocumented(response: Any, case: Any) -> list[str]:
    """Return in which ways an answer is not what the document says."""
    try:
        case.validate_response(response, checks=AS_DOCUMENTED)
    except FailureGroup as group:
        return [str(failure) for failure in group.exceptions]
    return []


def attack(strategy: st.SearchStrategy[Any], send: Callable[[Any], Any], examples: int) -> tuple[list[Any], set[int]]:
    """Send what a strategy draws; return what went wrong with what, and the statuses of all answers."""
    wrong, statuses = [], set()

    @settings(bounded, max_examples=examples)
    @given(drawn=strategy)
    def each(drawn: Any) -> None:
        response = send(drawn)
        statuses.add(response.status_code)
        if found := verdict(response, response.content):
            wrong.append((found, drawn))

    with suppress(Unsatisfiable):  # nothing can be wrong with an operation that takes nothing
        each()
    return wrong, statuses


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("names", ["of one's own", "made up"])
def test_generated_requests_are_answered_as_documented_and_break_nothing(
    schema: BaseSchema, operations: Any, world: Any, undone: Any, mode: GenerationMode, names: str
) -> None:
    wrong, strange, statuses = {}, [], set()
    for result in schema.get_all_operations():
        generated = result.ok()
        operation = operations[generated.definition.raw["operationId"]]
        own = {name: world.names[name] for name in operation.parameters} if names == "of one's own" else None
        headers = {"Authorization": f"Bearer {world.names[operation.credential]}"}

        def send(case: Any, headers: dict[str, str] = headers) -> Any:
            with undone():
                response = case.call(headers=headers)
            strange.extend((case.operation.label, found) for found in undocumented(response, case))
            return response

        if own != {}:
            strategy = generated.as_strategy(generation_mode=mode, path_parameters=own)
            wrong[operation.id], seen = attack(strategy, send, EXAMPLES)
            statuses |= seen

    assert {id: found for id, found in wrong.items() if found} == {}
    assert strange == []
    assert 400 in statuses
    assert mode is GenerationMode.NEGATIVE or 200 in statuses


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["", "\0", {"a\0": "\0"}, "x" * 3000, "2026-02-30T00:00Z", "9999-12-31T23:59-12:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all parts of a body, the body itself first."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in inside for place in places(inner, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], part: Any) -> Any:
    if not path:
        return part
    if isinstance(value, dict):
        return {**value, path[0]: replaced(value.get(path[0]), path[1:], part)}
    return [replaced(inner, path[1:], part) if number == path[0] else inner for number, inner in enumerate(value)]


def test_a_good_body_with_one_part_replaced_never_breaks_an_operation(
    operations: Any, document: dict[str, Any], bodies: dict[str, Body], world: Any, undone: Any
) -> None:
    wrong, statuses = {}, set()
    for id, make in bodies.items():
        operation, body = operations[id], make(world.names)
        client = world.client(operation.credential)
        described = operation.document.get("requestBody", {}).get("content", {}).get("application/json", {})
        shape = document["components"]["schemas"].get(
            described.get("schema", {}).get("$ref", "").rpartition("/")[2], {}
        )
        somewhere = st.sampled_from([*places(body)[1:], *((name,) for name in shape.get("properties", ())), ("more",)])

        def send(change: Any, operation: Any = operation, body: Any = body, client: Any = client) -> Any:
            with undone():
                return client.post(operation.url(world.names), replaced(body, *change), format="json")

        wrong[id], seen = attack(st.tuples(somewhere, json_values), send, 4 * EXAMPLES)
        statuses |= seen

    assert {id: found for id, found in wrong.items() if found} == {}
    assert {200, 201, 400} <= statuses
