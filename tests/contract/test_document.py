"""The OpenAPI document says what the server does: every address, every credential, every kind of refusal."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient

OUTSIDE = {"/v1/openapi.json", "/v1/docs"}
"""The document itself and the page that shows it."""

OPEN = {"start_pairing", "read_receipt", "withdraw_by_receipt"}
"""Where a device begins, and what people do who hold a receipt."""

OTHERWISE = {"read_pairing": [{"bearer": []}]}
"""What wants another credential than a token, a key or a session: here the pairing's secret."""


def addresses(node: URLResolver, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    for entry in node.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from addresses(entry, path)
        elif isinstance(entry, URLPattern):
            plain = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", path.replace("^", "").replace("$", ""))
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", plain), entry.callback


def api_addresses() -> dict[str, Any]:
    found = {path: view for path, view in addresses(get_resolver()) if path.startswith("/v1/")}
    return {path: view for path, view in found.items() if path not in OUTSIDE}


def test_it_is_openapi_3_1_and_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    validate_schema(document)


def test_it_is_generated_without_a_warning(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))

    assert "arning" not in capsys.readouterr().err


def test_it_names_every_address_and_method(document: dict[str, Any]) -> None:
    served = {
        (path, method) for path, view in api_addresses().items() for method in ("get", "post", "put", "patch", "delete")
        if hasattr(view.cls, method)
    }  # fmt: skip

    assert {(path, method) for path, methods in document["paths"].items() for method in methods} == served
    assert len(served) > 40


def test_every_operation_has_an_id_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    ids = [operation["operationId"] for operation in operations]

    assert len(set(ids)) == len(ids)
    assert [id for id in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)*", id)] == []
    assert [operation["operationId"] for operation in operations if not operation.get("description")] == []


def test_every_operation_declares_its_credential(document: dict[str, Any], operations: Any) -> None:
    schemes = document["components"]["securitySchemes"]

    for id, operation in operations.items():
        wanted = [] if id in OPEN else OTHERWISE.get(id, [{"bearer": []}, {"session": []}])
        assert operation.document["security"] == wanted, id
    assert set(schemes) == {"bearer", "session"}
    assert schemes["bearer"] == {"type": "http", "scheme": "bearer", "description": "Device token or API key"}


def test_every_operation_documents_its_problems(document: dict[str, Any], operations: Any) -> None:
    wanted = {id: {"400", "404", "503"} for id in operations}
    for id, operation in operations.items():
        wanted[id] |= set() if operation.is_open else {"401", "403"}
        wanted[id] |= {"409", "413", "415", "422"} if operation.method == "post" else set()

    for id, operation in operations.items():
        answers = operation.document["responses"]
        assert wanted[id] <= set(answers), id
        for status in wanted[id]:
            described = document["components"]["responses"][answers[status]["$ref"].rpartition("/")[2]]
            assert list(described["content"]) == ["application/problem+json"]


def test_the_documented_problem_has_the_members_of_a_real_one(
    document: dict[str, Any], api: APIClient, db: None
) -> None:
    body = api.get("/v1/venues").json()

    schema = document["components"]["schemas"]["Problem"]
    assert set(body) == set(schema["required"]) == set(schema["properties"])


def test_the_idempotency_key_is_documented_where_it_is_honoured(operations: Any) -> None:
    named = {
        id for id, operation in operations.items()
        if any(one["name"] == "Idempotency-Key" for one in operation.document.get("parameters", []))
    }  # fmt: skip

    writes = {id for id, operation in operations.items() if operation.method == "post"}
    keyless = {"start_pairing", "withdraw_by_receipt", "recognise", "report_events", "draw_challenge"}
    assert writes - named == keyless
    assert named - writes == set()


def test_it_is_served_as_json_to_anybody(api: APIClient, world: Any, document: dict[str, Any]) -> None:
    response = api.get("/v1/openapi.json")

    assert response.status_code == 200
    assert set(json.loads(response.content)["paths"]) == set(document["paths"])


def test_a_page_shows_it(db: None, client: Client) -> None:
    page = client.get("/v1/docs")

    assert page.status_code == 200
    assert b"/v1/openapi.json" in page.content
