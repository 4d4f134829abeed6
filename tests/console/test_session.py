"""Signing in and out."""

from django.test import Client

from accounts.models import Operator
from accounts.roles import Role
from accounts.services import add_member

PASSWORD = "correct horse battery"


def test_a_member_signs_in_and_comes_to_the_page_they_wanted(operator: Operator, client: Client) -> None:
    add_member(operator_id=operator.id, email="ada@example.org", password=PASSWORD, role=Role.VIEWER)

    response = client.post(
        "/sign-in?next=/screens", {"username": "ada@example.org", "password": PASSWORD, "next": "/screens"}
    )

    assert response["Location"] == "/screens"
    assert client.get("/screens").status_code == 200


def test_a_wrong_password_is_refused_without_saying_which_half_was_wrong(operator: Operator, client: Client) -> None:
    add_member(operator_id=operator.id, email="ada@example.org", password=PASSWORD, role=Role.VIEWER)

    wrong = client.post("/sign-in", {"username": "ada@example.org", "password": "guess"}).content.decode()
    unknown = client.post("/sign-in", {"username": "bob@example.org", "password": "guess"}).content.decode()

    told = "Please enter a correct email and password."
    assert told in wrong
    assert told in unknown
    assert client.get("/").status_code == 302


def test_signing_in_does_not_lead_to_another_site(operator: Operator, client: Client) -> None:
    add_member(operator_id=operator.id, email="ada@example.org", password=PASSWORD, role=Role.VIEWER)

    response = client.post(
        "/sign-in", {"username": "ada@example.org", "password": PASSWORD, "next": "https://evil.example/"}
    )

    assert response["Location"] == "/"


def test_signing_out_ends_the_session(owner: Client) -> None:
    assert owner.post("/sign-out")["Location"] == "/sign-in"
    assert owner.get("/").status_code == 302
