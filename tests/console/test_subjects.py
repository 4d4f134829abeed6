"""Subjects: reading, withdrawing, receipts and erasure."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import identities.minors
import identities.selectors
import subjects.selectors
import subjects.services
from accounts.models import Operator
from core.ids import public_id
from faceid.minor import Minors

Staged = dict[str, Any]


def purposes(operator: Operator, staged: Staged) -> set[str]:
    """Return what the staged subject consents to now."""
    live = subjects.selectors.live_purposes(
        operator_id=operator.id, subject_ids=[staged["subject"].id], venue_id=None, at=timezone.now()
    )  # fmt: skip
    return set(live.get(staged["subject"].id, ()))


def register(operator: Operator, staged: Staged) -> Any:
    """Register one more person."""
    return subjects.services.register(
        operator_id=operator.id, origin="kiosk", notice=staged["notice"], purposes=["measure"], channel="kiosk",
        actor="system:test", method="tick_box", at=timezone.now(),
    ).subject  # fmt: skip


def test_the_list_shows_pseudonyms_and_live_consents(owner: Client, staged: Staged) -> None:
    page = owner.get("/subjects").content.decode()

    assert staged["subject"].pseudonym in page
    assert "Choose for me" in page
    assert "Learn from me" in page
    assert "Recognise me" not in page


def test_an_expired_consent_is_no_live_one(owner: Client, staged: Staged, operator: Operator) -> None:
    subjects.services.give_consent(
        operator_id=operator.id, subject_id=staged["subject"].id, purposes=["measure"], notice=staged["notice"],
        channel="kiosk", actor="system:test", method="tick_box", at=timezone.now() - timedelta(hours=2),
        expires_at=timezone.now() - timedelta(hours=1),
    )  # fmt: skip

    assert "Count me" not in owner.get("/subjects").content.decode()
    assert ">expired<" in owner.get(f"/subjects/{staged['subject'].public_id}").content.decode()


def test_the_list_is_searched_by_pseudonym(owner: Client, staged: Staged, operator: Operator) -> None:
    another = register(operator, staged)

    page = owner.get("/subjects", {"search": another.pseudonym}).content.decode()

    assert another.pseudonym in page
    assert staged["subject"].pseudonym not in page
    assert "Nobody is called like" in owner.get("/subjects?search=zzzz").content.decode()


def test_the_list_costs_the_same_queries_however_many_subjects(
    owner: Client, staged: Staged, operator: Operator, queries: Callable[[Client, str], int]
) -> None:
    before = queries(owner, "/subjects")
    for _ in range(5):
        register(operator, staged)

    assert queries(owner, "/subjects") == before
    assert before <= 15


def test_reading_a_subject_shows_what_is_kept_and_is_audited(
    owner: Client, staged: Staged, operator: Operator, actions: Callable[[], list[str]]
) -> None:
    creative = staged["creative"]
    subjects.services.remember(
        operator_id=operator.id,
        entries=[(staged["subject"].id, creative.public_id, "fashion.coats", timezone.now())],
    )

    response = owner.get(f"/subjects/{staged['subject'].public_id}")

    page = response.content.decode()
    assert "Rain has no chance" in page
    assert "version 1 (en)" in page
    assert "no-store" in response["Cache-Control"]
    assert actions()[-1] == "subject.read"


def test_one_purpose_is_withdrawn_and_the_other_stays(
    owner: Client, staged: Staged, operator: Operator, actions: Callable[[], list[str]]
) -> None:
    path = f"/subjects/{staged['subject'].public_id}/withdrawal"

    page = owner.post(path, {"purpose": "learn"}, follow=True).content.decode()

    assert purposes(operator, staged) == {"personalise"}
    assert "Learn from me. It holds from the next decision on." in page
    assert "consent.withdrawn" in actions()


def test_somebody_counts_as_staff_and_as_audience_again(
    owner: Client, staged: Staged, operator: Operator, actions: Callable[[], list[str]]
) -> None:
    path = f"/subjects/{staged['subject'].public_id}/staff"

    begun = owner.post(path, {"staff": "begin"}, follow=True).content.decode()
    refused = owner.post(path, {"staff": "begin"}, follow=True).content.decode()
    ended = owner.post(path, {"staff": "end"}, follow=True).content.decode()

    assert "no longer counts as the audience" in begun
    assert "staff, since" in begun
    assert "counts as staff already" in refused
    assert "counts as audience from now on" in ended
    assert [action for action in actions() if action.startswith("staff.")] == ["staff.begun", "staff.ended"]


def test_all_purposes_are_withdrawn(owner: Client, staged: Staged, operator: Operator) -> None:
    path = f"/subjects/{staged['subject'].public_id}/withdrawal"

    owner.post(path)
    again = owner.post(path, follow=True).content.decode()

    assert purposes(operator, staged) == set()
    assert "Nothing was live, so nothing changed." in again


def test_an_unknown_purpose_is_refused_and_withdraws_nothing(owner: Client, staged: Staged, operator: Operator) -> None:
    path = f"/subjects/{staged['subject'].public_id}/withdrawal"

    page = owner.post(path, {"purpose": "everything"}, follow=True).content.decode()

    assert "&#x27;everything&#x27; is none" in page
    assert purposes(operator, staged) == {"personalise", "learn"}


def test_a_new_receipt_opens_the_portal_and_the_old_one_still_does(
    owner: Client, client: Client, staged: Staged, actions: Callable[[], list[str]]
) -> None:
    response = owner.post(f"/subjects/{staged['subject'].public_id}/receipt")

    token = response.context["url"].rpartition("/")[2]
    assert token.startswith("vtr_")
    assert "no-store" in response["Cache-Control"]
    assert actions()[-1] == "receipt.issued"
    assert client.get(f"/receipt/{token}").status_code == 200
    assert client.get(f"/receipt/{staged['receipt']}").status_code == 200


def test_an_erasure_needs_the_typed_pseudonym(
    owner: Client, staged: Staged, operator: Operator, actions: Callable[[], list[str]]
) -> None:
    path = f"/subjects/{staged['subject'].public_id}/erasure"

    page = owner.post(path, {"pseudonym": "somebody-else-1"}, follow=True).content.decode()

    assert "Nothing was erased" in page
    assert subjects.selectors.count(operator_id=operator.id) == 1
    assert "subject.erased" not in actions()


def test_an_erasure_removes_the_subject_and_shows_the_certificate(
    owner: Client, client: Client, staged: Staged, operator: Operator, actions: Callable[[], list[str]]
) -> None:
    subject = staged["subject"]

    response = owner.post(f"/subjects/{subject.public_id}/erasure", {"pseudonym": f" {subject.pseudonym} "})

    page = response.content.decode()
    assert response.context["certificate"].public_id in page
    assert "hits&quot;: 0" in page
    assert subjects.selectors.count(operator_id=operator.id) == 0
    assert "subject.erased" in actions()
    assert owner.get(f"/subjects/{subject.public_id}").status_code == 404
    assert client.get(f"/receipt/{staged['receipt']}").status_code == 404


def test_a_forgotten_creative_is_named_by_its_id(owner: Client, staged: Staged, operator: Operator) -> None:
    gone = public_id("crv", staged["venue"].id)
    subjects.services.remember(
        operator_id=operator.id, entries=[(staged["subject"].id, gone, "service", timezone.now())]
    )

    assert gone in owner.get(f"/subjects/{staged['subject'].public_id}").content.decode()


def test_staff_is_let_vouch_and_the_challenge_comes_back(owner: Client, operator: Operator) -> None:
    assert "Kiosks enrol unattended" in owner.get("/subjects").content.decode()

    changed = owner.post("/subjects/enrolment/attended", follow=True).content.decode()

    assert "Kiosks enrol attended from now on." in changed
    assert identities.selectors.supervision(operator_id=operator.id) == "attended"
    owner.post("/subjects/enrolment/unattended")
    assert identities.selectors.supervision(operator_id=operator.id) == "unattended"


def test_an_unknown_supervision_changes_nothing(owner: Client, operator: Operator) -> None:
    page = owner.post("/subjects/enrolment/never", follow=True)

    assert "is not one of unattended, attended" in page.content.decode()
    assert identities.selectors.supervision(operator_id=operator.id) == "unattended"


def test_apparent_minors_are_made_anonymous_and_it_is_taken_back(
    owner: Client, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identities.minors, "check", lambda: object())
    assert "Let apparent minors be anonymous" in owner.get("/subjects").content.decode()

    changed = owner.post("/subjects/minors/apparent_minor_is_anonymous", follow=True).content.decode()

    assert "Apparent minors are anonymous from now on." in changed
    assert "not installed here" not in changed
    assert identities.selectors.minors(operator_id=operator.id) is Minors.ANONYMOUS
    owner.post("/subjects/minors/off")
    assert identities.selectors.minors(operator_id=operator.id) is Minors.OFF


def test_the_console_says_when_everybody_is_anonymous_for_want_of_a_network(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identities.minors, "check", lambda: None)
    assert "not installed here" not in owner.get("/subjects").content.decode()

    changed = owner.post("/subjects/minors/apparent_minor_is_anonymous", follow=True).content.decode()

    assert "everybody counts as uncertain" in changed


def test_an_unknown_way_to_treat_minors_changes_nothing(owner: Client, operator: Operator) -> None:
    page = owner.post("/subjects/minors/on", follow=True)

    assert "is not one of off, apparent_minor_is_anonymous" in page.content.decode()
    assert identities.selectors.minors(operator_id=operator.id) is Minors.OFF
