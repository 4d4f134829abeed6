"""The answers to good requests have the shape that the document promises."""

from collections.abc import Callable, Mapping
from typing import Any

from jsonschema import Draft202012Validator

BODILESS = {"read_media"}
"""Operations that answer with a file."""

QUERIES = {"read_consents": {"subject": "subject"}}
"""Names that go into the query."""


def faults(document: Mapping[str, Any], operation: Any, response: Any) -> list[str]:
    """Return how an answer deviates from the document."""
    described = operation.document["responses"].get(str(response.status_code))
    if described is None or "$ref" in described:
        return [f"{response.status_code} {response.content[:200]!r}"]
    schema = described["content"]["application/json"]["schema"] | {"components": document["components"]}
    return [
        f"{error.json_path}: {error.message[:200]}"
        for error in Draft202012Validator(schema).iter_errors(response.json())
    ]


def undocumented(document: Mapping[str, Any], operation: Any, answer: Mapping[str, Any]) -> set[str]:
    """Return the members of an answer that the document does not name."""
    described = operation.document["responses"].get("200") or operation.document["responses"]["201"]
    reference = described["content"]["application/json"]["schema"].get("$ref", "")
    return set(answer) - set(document["components"]["schemas"][reference.rpartition("/")[2]]["properties"])


def test_everything_that_can_be_read_has_the_documented_shape(
    document: dict[str, Any], operations: Any, world: Any, undone: Any
) -> None:
    wrong, read = {}, 0
    for id, operation in operations.items():
        if operation.method != "get" or id in BODILESS | {"read_pairing"}:
            continue
        query = {name: world.names[of] for name, of in QUERIES.get(id, {}).items()}
        with undone():
            response = world.client(operation.credential).get(operation.url(world.names), query)
        read += 1
        wrong[id] = faults(document, operation, response)
        if not wrong[id]:
            wrong[id] = sorted(undocumented(document, operation, response.json()))

    assert {id: found for id, found in wrong.items() if found} == {}
    assert read > 20


def test_every_list_of_a_full_operator_has_a_row(operations: Any, world: Any) -> None:
    empty = []
    for id, operation in operations.items():
        if id.startswith("list_"):
            body = world.client().get(operation.url(world.names)).json()
            empty += [id] if not next(value for value in body.values() if isinstance(value, list)) else []

    assert empty == []


def test_every_write_is_answered_in_the_documented_shape(
    document: dict[str, Any],
    operations: Any,
    bodies: dict[str, Callable[[Mapping[str, str]], dict[str, Any]]],
    world: Any,
    undone: Any,
) -> None:
    wrong = {}
    for id, make in bodies.items():
        operation = operations[id]
        with undone():
            client = world.client(operation.credential)
            response = client.post(operation.url(world.names), make(world.names), format="json")
        wrong[id] = faults(document, operation, response)

    assert {id: found for id, found in wrong.items() if found} == {}
    assert len(wrong) > 18
