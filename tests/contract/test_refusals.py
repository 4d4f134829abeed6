"""What every operation refuses, each time as problem details with a code and the caller's request id."""

from collections.abc import Mapping
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.roles import Scope
from accounts.services import issue_api_key

REQUEST_ID = "caller-chose-this-1"
WRITE, READ = {"write"}, {"read", "write"}
SCOPES: dict[str, set[str]] = {
    "list_venues": READ, "add_venue": WRITE, "read_venue": READ,
    "list_screens": READ, "add_screen": WRITE, "read_screen": READ,
    "list_scenes": READ, "add_scene": WRITE, "read_scene": READ,
    "claim_pairing": WRITE,
    "list_advertisers": READ, "add_advertiser": WRITE,
    "list_campaigns": READ, "add_campaign": WRITE, "read_campaign": READ, "set_campaign_state": WRITE,
    "list_creatives": READ, "add_creative": WRITE, "read_creative": READ, "review_creative": WRITE,
    "list_media": READ, "store_media": WRITE, "read_media": READ | {"device"},
    "create_decision": {"device"}, "read_decision": {"device", "read"}, "read_manifest": {"device"},
    "explain_decision": {"subjects"},
    "report_events": {"device"}, "recognise": {"device"}, "enrol": {"kiosk", "subjects"},
    "draw_challenge": {"kiosk", "subjects"},
    "list_subjects": {"subjects"}, "register_subject": {"kiosk", "subjects"}, "read_subject": {"subjects"},
    "read_consents": {"subjects"}, "give_consent": {"subjects"}, "withdraw_consents": {"subjects"},
    "read_current_notice": {"kiosk", "device", "subjects", "read"}, "record_notice_view": {"kiosk", "device"},
    "list_rights_requests": {"subjects"}, "make_rights_request": {"subjects"}, "read_rights_request": {"subjects"},
    "read_privacy_budget": {"subjects"}, "list_privacy_budget_entries": {"subjects"},
    "grant_privacy_budget": {"subjects"}, "request_private_run": {"models"},
    "list_models": {"models", "read"}, "read_model": {"models", "read"}, "activate_model": {"models"},
    "roll_back_model": {"models"}, "shadow_model": {"models"}, "canary_model": {"models"}, "retire_model": {"models"},
    "read_model_policy": {"models", "read"}, "set_model_policy": {"models"}, "list_alerts": {"models", "read"},
    "list_runs": {"models", "read"}, "request_run": {"models"}, "read_run": {"models", "read"},
}  # fmt: skip
"""Who may do what; an operation that is missing here is a hole."""

UNPAIRED = {"create_decision", "read_manifest", "report_events", "recognise"}
"""Operations that need a paired player behind the credential, beyond the scope."""

FORMS = {"enrol", "store_media"}
"""Operations that take a form and no JSON."""


def problem_of(response: Any, status: int, request_id: str | None = None) -> dict[str, Any]:
    """Assert that an answer is a problem document; return it."""
    assert response.status_code == status, (response.status_code, response.content[:300])
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) >= {"type", "title", "status", "detail", "code", "errors", "request_id"}
    assert body["status"] == status
    assert body["type"] == f"urn:vitrine:problem:{body['code']}"
    assert body["request_id"] == response["X-Request-Id"]
    assert request_id is None or body["request_id"] == request_id
    return body


def call(client: APIClient, operation: Any, names: Mapping[str, str], **content: Any) -> Any:
    response: Any = client.generic(
        operation.method.upper(), operation.url(names), **content, headers={"X-Request-Id": REQUEST_ID}
    )
    b"".join(response)  # a file is closed by whoever reads it
    return response


def test_without_a_credential_every_operation_answers_401(operations: Any, world: Any, api: APIClient) -> None:
    for operation in operations.values():
        if not operation.is_open:
            response = call(api, operation, world.names)

            assert problem_of(response, 401, REQUEST_ID)["code"] == "unauthenticated"
            assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer vtk_unknown", "Bearer", "Bearer ", "bearer \x00", "Bearer é", "Basic YTpi"])
def test_a_credential_of_nobody_answers_401(api: APIClient, world: Any, header: str) -> None:
    api.raise_request_exception = False
    response = api.get("/v1/venues", HTTP_AUTHORIZATION=header)

    problem_of(response, 401)
    assert response["WWW-Authenticate"] == "Bearer"


def test_every_operation_has_its_scopes(operations: Any) -> None:
    assert {id for id, operation in operations.items() if not operation.is_open} == set(SCOPES) | {"read_pairing"}


@pytest.mark.parametrize("scope", list(Scope))
def test_a_credential_without_the_scope_answers_403(operations: Any, world: Any, scope: Scope) -> None:
    client = APIClient(raise_request_exception=False)
    key = issue_api_key(operator_id=world.operator_id, name="one scope", scopes=[scope])
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")

    for id, scopes in SCOPES.items():
        response = call(client, operations[id], world.names, data="{}", content_type="application/json")

        if scope in scopes:
            assert response.status_code != 401
            assert response.status_code != 403 or id in UNPAIRED, id
        else:
            body = problem_of(response, 403, REQUEST_ID)
            assert body["code"] == "forbidden", id
            assert all(name in body["detail"] for name in scopes), id


MALFORMED = {
    "no JSON": b'{"name": ',
    "an array": b"[]",
    "a word": b'"name"',
    "null": b"null",
    "not a number": b'{"name": NaN}',
    "infinity": b'{"name": -Infinity}',
    "nested without end": b'{"name":' * 100_000,
    "nested deeply": b'{"criteria":' * 900 + b"1" + b"}" * 900,
    "nested lists": b'{"criteria":' + b"[" * 300 + b"]" * 300 + b"}",
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "half a character": b'{"name": "\\ud800"}',
    "a character of zero": b'{"criteria": {"a\\u0000b": 1}}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_json_answers_400(operations: Any, world: Any, body: bytes) -> None:
    for operation in operations.values():
        if operation.method == "post" and operation.id not in FORMS:
            client = world.client(operation.credential)
            response = call(client, operation, world.names, data=body, content_type="application/json")

            assert problem_of(response, 400, REQUEST_ID)["code"] == "malformed", operation.id


def test_a_body_beyond_the_limit_answers_413(operations: Any, world: Any) -> None:
    body = b'{"name": "' + b"x" * 3 * 2**20 + b'"}'
    for operation in operations.values():
        if operation.method == "post" and operation.id not in FORMS:
            client = world.client(operation.credential)
            response = call(client, operation, world.names, data=body, content_type="application/json")

            assert problem_of(response, 413, REQUEST_ID)["code"] == "too_large", operation.id


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "x"])
def test_another_content_type_answers_415(operations: Any, world: Any, content_type: str) -> None:
    for operation in operations.values():
        if operation.method == "post":
            client = world.client(operation.credential)
            response = call(client, operation, world.names, data=b"a=b", content_type=content_type)

            assert problem_of(response, 415, REQUEST_ID)["code"] == "unsupported_media_type", operation.id


def test_another_method_answers_405(document: dict[str, Any], operations: Any, world: Any) -> None:
    for operation in operations.values():
        for method in {"get", "post", "put", "patch", "delete"} - set(document["paths"][operation.path]):
            client = world.client(operation.credential)
            response = client.generic(
                method.upper(), operation.url(world.names), "{}", "application/json",
                headers={"X-Request-Id": REQUEST_ID},
            )  # fmt: skip

            if response.status_code != 403:  # whoever may not call a view at all is told that first
                assert problem_of(response, 405, REQUEST_ID)["code"] == "method_not_allowed"
                assert operation.method.upper() in response["Allow"]


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
@pytest.mark.parametrize(
    "path", ["/v1/", "/v1/nothing", "/v1/venues/", "/v1/models/a/b/c", "/v1/%00", "/v1/..%2f..%2f"]
)
def test_an_unknown_address_answers_404(api: APIClient, world: Any, method: str, path: str) -> None:
    response = api.generic(method.upper(), path, headers={"X-Request-Id": REQUEST_ID})

    assert problem_of(response, 404, REQUEST_ID)["code"] == "not_found"


def test_an_answer_in_another_format_answers_406(operations: Any, world: Any) -> None:
    client = world.client()
    response = client.get("/v1/venues", headers={"Accept": "text/html", "X-Request-Id": REQUEST_ID})

    assert problem_of(response, 406, REQUEST_ID)["code"] == "not_acceptable"


@pytest.mark.parametrize(
    "name", ["", "x", "sub_", "scr_01h455vb4pex5vsknk084sn02q", "%00", "é", "../venues", "a" * 5000]
)
def test_a_name_of_the_wrong_shape_answers_4xx(operations: Any, world: Any, name: str) -> None:
    for operation in operations.values():
        for parameter in operation.parameters:
            url = operation.path.replace("{" + parameter + "}", name).format_map(world.names)
            client = world.client(operation.credential)
            response = client.generic(operation.method.upper(), url, b"{}", "application/json")

            assert 400 <= response.status_code < 500 or name == "", (operation.id, response.status_code)
            if response.status_code >= 400:
                problem_of(response, response.status_code)


QUERIES = ["limit=0", "limit=x", "limit=99999999999999999999", "cursor=x", "cursor=%00", "cursor=mdl_1", "state=x"]


@pytest.mark.parametrize("query", [*QUERIES, "search=%00", "language=%00", "subject=%00", "subject=", "expires=x"])
def test_a_query_of_the_wrong_shape_never_breaks_a_list(operations: Any, world: Any, query: str) -> None:
    for operation in operations.values():
        if operation.method == "get":
            response = world.client(operation.credential).get(f"{operation.url(world.names)}?{query}")

            b"".join(response)  # a file is closed by whoever reads it
            assert response.status_code < 500, operation.id
            if response.status_code >= 400:
                problem_of(response, response.status_code)


@pytest.mark.parametrize("offered", ["", "short", "with space in it", "a" * 81, "line\tbreak-1", "é" * 10])
def test_a_request_id_of_the_wrong_shape_is_replaced(api: APIClient, world: Any, offered: str) -> None:
    response = api.get("/v1/venues", HTTP_X_REQUEST_ID=offered)

    assert response["X-Request-Id"].startswith("req_")
    assert problem_of(response, 401)["request_id"] == response["X-Request-Id"]


EDGES = ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z"]


@pytest.mark.parametrize("edge", EDGES)
def test_a_time_at_the_edge_of_the_calendar_never_breaks_an_operation(
    operations: Any, bodies: Any, world: Any, undone: Any, edge: str
) -> None:
    fields = {"register_subject": ["expires_at"], "give_consent": ["expires_at"]}
    fields |= {"add_campaign": ["starts_at", "ends_at"], "report_events": ["sent_at", "at", "started_at"]}
    for id, names in fields.items():
        for field in names:
            body = bodies[id](world.names)
            inner = body["events"][0] if id == "report_events" and field != "sent_at" else body
            inner[field] = edge
            with undone():
                client = world.client(operations[id].credential)
                response = client.post(operations[id].url(world.names), body, format="json")

            assert response.status_code < 500, (id, field, response.content)
            assert response.status_code >= 400 or response.json()["results"][0]["status"] == "rejected", (id, field)
