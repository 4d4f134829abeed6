import logging
import re

import pytest
from django.test import Client


@pytest.mark.parametrize("path", ["/v1/crash", "/v1/plain/crash"])
def test_a_defect_answers_500_and_tells_nothing(
    broken: Client, secret: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = broken.get(path, headers={"X-Request-Id": "asked-by-caller-7"})

    body = response.json()
    assert (response.status_code, response["Content-Type"]) == (500, "application/problem+json")
    assert (body["status"], body["code"], body["errors"]) == (500, "internal_error", [])
    assert body["request_id"] == response["X-Request-Id"] == "asked-by-caller-7"
    assert secret not in response.text
    assert "RuntimeError" not in response.text
    assert any(record.exc_info and secret in str(record.exc_info[1]) for record in caplog.records)


@pytest.mark.parametrize("path", ["/v1/lost", "/v1/plain/lost", "/page/lost", "/v1/interface", "/page/interface"])
def test_a_lost_database_answers_503_with_retry_after(
    broken: Client, secret: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = broken.get(path)

    assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")
    assert (response.json()["code"], response["Retry-After"]) == ("unavailable", "5")
    assert secret not in response.text
    assert "database is unavailable" in caplog.text


@pytest.mark.parametrize("path", ["/v1/conflict", "/v1/plain/conflict"])
def test_a_problem_keeps_its_members_and_headers(broken: Client, path: str) -> None:
    response = broken.get(path)

    assert response.status_code == 409
    assert response["X-Seen"] == "2"
    assert response.json() == {
        "type": "urn:vitrine:problem:conflict", "title": "Conflict", "status": 409, "detail": "Two of them.",
        "code": "conflict", "errors": [], "request_id": response["X-Request-Id"], "seen": 2,
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/unavailable", "/page/unavailable"])
def test_a_dependency_that_is_down_says_when_to_come_again(broken: Client, path: str) -> None:
    response = broken.get(path)

    assert (response.status_code, response["Retry-After"]) == (503, "7")


def test_pages_outside_the_api_keep_djangos_errors(broken: Client, secret: str) -> None:
    response = broken.get("/page/crash")

    assert response.status_code == 500
    assert not response["Content-Type"].startswith("application/problem+json")
    assert secret not in response.text


def test_an_unknown_address_is_a_problem_below_the_api_alone(broken: Client) -> None:
    inside, outside = broken.get("/v1/nothing"), broken.get("/nothing")

    assert (inside.status_code, inside.json()["code"]) == (404, "not_found")
    assert inside.json()["detail"] == "GET /v1/nothing"
    assert (outside.status_code, outside["Content-Type"].partition(";")[0]) == (404, "text/html")


def test_the_request_id_of_the_caller_is_kept(broken: Client) -> None:
    assert broken.get("/v1/fine", headers={"X-Request-Id": "trace.A-1_b"})["X-Request-Id"] == "trace.A-1_b"


def test_every_answer_has_a_request_id_and_its_time(broken: Client) -> None:
    answers = [broken.get(path) for path in ("/v1/fine", "/v1/nothing", "/v1/crash", "/nothing", "/page/crash")]

    ids = {answer["X-Request-Id"] for answer in answers}
    assert len(ids) == len(answers)
    assert all(re.fullmatch(r"req_[0-9a-f]{32}", id) for id in ids)
    assert all(re.search(r"(^|, )app;dur=\d+\.\d\d$", answer["Server-Timing"]) for answer in answers)


@pytest.mark.parametrize("query", ["a=%00", "a=b%00c", "%00=1"])
def test_a_character_of_zero_in_a_parameter_is_refused(broken: Client, query: str) -> None:
    response = broken.get(f"/v1/fine?{query}")

    assert (response.status_code, response.json()["code"]) == (400, "malformed")


def test_an_escaped_percent_sign_is_no_character_of_zero(broken: Client) -> None:
    assert broken.get("/v1/fine?a=%2500").status_code == 200
