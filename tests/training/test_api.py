import pytest
from rest_framework.test import APIClient

from accounts.models import Operator, Scope
from accounts.services import issue_api_key
from core.ids import new_id, public_id
from core.tenancy import operator_scope
from training import api as doors
from training import services
from training.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(api: APIClient, operator: Operator) -> APIClient:
    key = issue_api_key(operator_id=operator.id, name="integration", scopes=[Scope.MODELS])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return api


def test_a_run_is_requested_and_read(client: APIClient) -> None:
    asked = client.post("/v1/runs")

    assert asked.status_code == 202
    body = asked.json()
    assert (body["state"], body["trigger"], body["progress"], body["model"]) == ("queued", "demand", None, None)
    assert body["requested_by"].startswith("key:crd_")
    assert client.get(f"/v1/runs/{body['id']}").json() == body
    assert client.get("/v1/runs").json() == {"runs": [body], "next": None}


def test_a_second_request_is_answered_with_the_run_that_waits(client: APIClient) -> None:
    assert client.post("/v1/runs").json()["id"] == client.post("/v1/runs").json()["id"]
    assert Run.objects.count() == 1


def test_a_failed_run_shows_its_reason(client: APIClient, operator: Operator) -> None:
    run = Run.objects.get(id=services.request_run(operator_id=operator.id, trigger="nightly", actor="system:beat").id)
    services.begin(operator_id=operator.id, run_id=run.id, at=run.created_at)
    services.beat(operator_id=operator.id, run_id=run.id, progress={"stage": "din", "done": 1, "of": 6, "message": "x"})
    services.fail(
        operator_id=operator.id, run_id=run.id, code="training_killed", reason="It was killed.", at=run.created_at
    )

    body = client.get(f"/v1/runs/{run.public_id}").json()

    assert (body["state"], body["reason_code"], body["reason"]) == ("failed", "training_killed", "It was killed.")
    assert body["progress"] == {"stage": "din", "done": 1, "of": 6, "message": "x"}
    assert body["finished_at"].endswith("Z")


def test_a_long_list_is_read_page_by_page(
    client: APIClient, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "PAGE", 2)
    ids = []
    for _ in range(3):
        run = services.request_run(operator_id=operator.id, trigger="demand", actor="member:one")
        services.begin(operator_id=operator.id, run_id=run.id, at=run.created_at)
        services.fail(operator_id=operator.id, run_id=run.id, code="x", reason="y", at=run.created_at)
        ids.insert(0, run.public_id)

    first = client.get("/v1/runs").json()
    second = client.get("/v1/runs", {"cursor": first["next"]}).json()

    assert [run["id"] for run in first["runs"] + second["runs"]] == ids
    assert second["next"] is None


def test_unknown_malformed_and_foreign_ids(client: APIClient, other_operator: Operator) -> None:
    with operator_scope(other_operator.id):
        theirs = services.request_run(operator_id=other_operator.id, trigger="demand", actor="member:two")

    for identifier, expected in [
        (public_id("run", new_id()), (404, "unknown_run")),
        (theirs.public_id, (404, "unknown_run")),
        ("mdl_1", (400, "malformed_id")),
    ]:
        answer = client.get(f"/v1/runs/{identifier}")
        assert (answer.status_code, answer.json()["code"]) == expected
    assert client.get("/v1/runs").json()["runs"] == []
    assert client.get("/v1/runs", {"cursor": "mdl_1"}).status_code == 400


def test_a_body_is_refused_where_none_is_expected(client: APIClient) -> None:
    answer = client.post("/v1/runs", {"epochs": 900}, format="json")

    assert (answer.status_code, answer.json()["errors"]) == (
        400, [{"field": "epochs", "code": "unknown"}],
    )  # fmt: skip
    assert not Run.objects.exists()


def test_a_reading_key_reads_and_does_not_ask(api: APIClient, operator: Operator) -> None:
    key = issue_api_key(operator_id=operator.id, name="reports", scopes=[Scope.READ])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")

    assert api.get("/v1/runs").status_code == 200
    assert api.post("/v1/runs").status_code == 403
    assert not Run.objects.exists()


def test_without_a_credential_nothing_is_shown(api: APIClient) -> None:
    assert api.get("/v1/runs").status_code == 401
    assert api.post("/v1/runs").status_code == 401
