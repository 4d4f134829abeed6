from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import Operator
from accounts.roles import Scope
from accounts.services import issue_api_key
from core.ids import new_id, public_id
from core.tenancy import operator_scope
from registry.api import versions as doors
from registry.files import path_of
from registry.models import Active, ModelVersion
from registry.services import activate

pytestmark = pytest.mark.django_db
Train = Callable[..., ModelVersion]


@pytest.fixture
def client(api: APIClient, operator: Operator) -> APIClient:
    key = issue_api_key(operator_id=operator.id, name="integration", scopes=[Scope.MODELS])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return api


def test_versions_are_listed_newest_first(client: APIClient, trained: Train) -> None:
    first, second = trained(0.25), trained(0.5)

    answer = client.get("/v1/models")

    assert answer.status_code == 200
    body = answer.json()
    assert [model["id"] for model in body["models"]] == [second.public_id, first.public_id]
    assert body["next"] is None
    assert body["models"][0]["metrics"] == {"auc": 0.7}
    assert body["models"][0]["trained_at"] == "2026-11-22T02:30:00.000Z"


def test_a_long_list_is_read_page_by_page(client: APIClient, trained: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "PAGE", 2)
    ids = [trained(0.1 * number).public_id for number in range(1, 4)][::-1]

    first = client.get("/v1/models").json()
    second = client.get("/v1/models", {"cursor": first["next"]}).json()

    assert [model["id"] for model in first["models"] + second["models"]] == ids
    assert second["next"] is None


def test_a_version_is_activated_and_rolled_back(client: APIClient, trained: Train) -> None:
    first, second = trained(0.25), trained(0.5)

    assert client.post(f"/v1/models/{first.public_id}/activate").json()["stage"] == "champion"
    assert client.post(f"/v1/models/{second.public_id}/activate").json()["id"] == second.public_id
    assert client.post("/v1/models/rollback").json()["id"] == first.public_id
    assert client.get(f"/v1/models/{second.public_id}").json()["stage"] == "retired"


def test_a_rollback_that_is_sent_twice_is_done_once(client: APIClient, trained: Train) -> None:
    first, second = trained(0.25), trained(0.5)
    for version in (first, second):
        client.post(f"/v1/models/{version.public_id}/activate")
    headers = {"Idempotency-Key": "rollback-2026-11-22"}

    answers = [client.post("/v1/models/rollback", headers=headers) for _ in range(2)]

    assert [answer.json()["id"] for answer in answers] == [first.public_id] * 2
    assert Active.objects.get().version_id == first.id


def test_a_version_whose_file_is_gone_is_a_conflict(client: APIClient, trained: Train) -> None:
    version = trained()
    path_of(version.file_digest).unlink()

    answer = client.post(f"/v1/models/{version.public_id}/activate")

    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "model_file_unusable"
    assert not Active.objects.exists()


def test_nothing_to_roll_back_to_is_a_conflict(client: APIClient) -> None:
    answer = client.post("/v1/models/rollback")

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_roll_back_to")


def test_unknown_malformed_and_foreign_ids(
    client: APIClient, operator: Operator, other_operator: Operator, trained: Train
) -> None:
    with operator_scope(other_operator.id):
        theirs = trained(operator_id=other_operator.id)

    for identifier, expected in [
        (public_id("mdl", new_id()), (404, "unknown_model")),
        (theirs.public_id, (404, "unknown_model")),
        ("run_123", (400, "malformed_id")),
    ]:
        read = client.get(f"/v1/models/{identifier}")
        activated = client.post(f"/v1/models/{identifier}/activate")
        assert (read.status_code, read.json()["code"]) == expected
        assert (activated.status_code, activated.json()["code"]) == expected
    assert not Active.objects.exists()


def test_a_body_is_refused_where_none_is_expected(client: APIClient, trained: Train) -> None:
    version = trained()

    answer = client.post(f"/v1/models/{version.public_id}/activate", {"force": True}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert not Active.objects.exists()


def test_a_reading_key_reads_and_does_not_activate(api: APIClient, operator: Operator, trained: Train) -> None:
    version = trained()
    key = issue_api_key(operator_id=operator.id, name="reports", scopes=[Scope.READ])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")

    assert api.get("/v1/models").status_code == 200
    assert api.post(f"/v1/models/{version.public_id}/activate").status_code == 403
    assert api.post("/v1/models/rollback").status_code == 403
    assert not Active.objects.exists()


def test_without_a_credential_nothing_is_shown(api: APIClient, db: None) -> None:
    assert api.get("/v1/models").status_code == 401


def test_another_operators_key_sees_none_of_our_models(
    api: APIClient, operator: Operator, other_operator: Operator, trained: Train
) -> None:
    activate(operator_id=operator.id, version_id=trained().id, actor="member:one")
    key = issue_api_key(operator_id=other_operator.id, name="rival", scopes=[Scope.MODELS])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")

    assert api.get("/v1/models").json() == {"models": [], "next": None}


def test_a_version_is_tried_promoted_and_shown_with_its_trial(client: APIClient, trained: Train) -> None:
    first, second = trained(0.25), trained(0.5)
    client.post(f"/v1/models/{first.public_id}/activate")

    shadow = client.post(f"/v1/models/{second.public_id}/shadow", {}, format="json").json()
    canary = client.post(f"/v1/models/{second.public_id}/canary", {"share": 0.2}, format="json").json()
    retired = client.post(f"/v1/models/{second.public_id}/retire", {"reason": "too slow"}, format="json").json()

    assert [body["stage"] for body in (shadow, canary, retired)] == ["shadow", "canary", "retired"]
    assert (shadow["trial"]["share"], canary["trial"]["share"], canary["trial"]["outcome"]) == (0.25, 0.2, None)
    assert (retired["trial"]["outcome"], retired["trial"]["reason"]) == ("stopped", "too slow")


def test_illegal_moves_are_conflicts_that_change_nothing(client: APIClient, trained: Train) -> None:
    first, second, third = trained(0.25), trained(0.5), trained(0.75)
    early = client.post(f"/v1/models/{first.public_id}/canary", {}, format="json")
    assert (early.status_code, early.json()["code"]) == (409, "no_champion")
    client.post(f"/v1/models/{first.public_id}/activate")
    client.post(f"/v1/models/{second.public_id}/canary", {}, format="json")
    before = [(model["id"], model["stage"]) for model in client.get("/v1/models").json()["models"]]

    for version, move, code in [
        (second, "shadow", "illegal_move"), (first, "canary", "illegal_move"), (first, "retire", "illegal_move"),
        (third, "canary", "stage_taken"),
    ]:  # fmt: skip
        answer = client.post(f"/v1/models/{version.public_id}/{move}", {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (409, code)

    assert [(model["id"], model["stage"]) for model in client.get("/v1/models").json()["models"]] == before


@pytest.mark.parametrize("share", [0, 1.5, "half"])
def test_a_share_that_is_none_is_malformed(client: APIClient, trained: Train, share: object) -> None:
    answer = client.post(f"/v1/models/{trained().public_id}/canary", {"share": share}, format="json")

    assert answer.status_code == 400


def test_the_terms_are_read_and_changed_in_part(client: APIClient) -> None:
    before = client.get("/v1/models/policy").json()
    changes = {"route": "canary", "gates": {"auc_tolerance": 0.02}}
    after = client.post("/v1/models/policy", changes, format="json").json()

    assert (before["route"], before["automatic"], before["gates"]["auc_tolerance"]) == ("direct", False, 0.005)
    assert after == before | {"route": "canary", "gates": before["gates"] | {"auc_tolerance": 0.02}}
    assert client.get("/v1/models/policy").json() == after
    refused = client.post("/v1/models/policy", {"gates": {"auc_tolerance": 2}}, format="json")
    assert refused.status_code == 400
    assert client.get("/v1/models/policy").json() == after
