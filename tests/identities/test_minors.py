"""Where an operator asks for it, whoever is not surely adult is a stranger, and nobody learns why."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.models import Operator
from audit.models import Entry
from core.epochs import versions
from faceid.detect import Face
from faceid.minor import Minors, Verdict
from identities import faces, minors, selectors
from identities.errors import GuardianNeeded, MinorsUnknown
from identities.models import EnrolmentPolicy, Supervision
from identities.services import supervise, treat_minors


class Opinion:
    """A network that answers as it is told, the last answer for good, and counts how often it was asked."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.verdicts = list(verdicts)
        self.asked = 0

    def judge(self, image: Any, face: Face) -> Verdict:
        self.asked += 1
        return self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]


@pytest.fixture
def minding(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Opinion]:
    """Let apparent minors be anonymous, and everybody appear as told."""

    def call(*verdicts: Verdict) -> Opinion:
        opinion = Opinion(*(verdicts or (Verdict.MINOR_OR_UNCERTAIN,)))
        monkeypatch.setattr(minors, "check", lambda: opinion)
        treat_minors(operator_id=operator.id, minors="apparent_minor_is_anonymous", actor="member:test")
        return opinion

    return call


def rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def viewers_of(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["viewers"]
    return found


def told(viewer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in viewer.items() if name not in ("viewer", "expires_at")}


def test_nobodys_age_is_looked_at_unless_the_operator_asks(
    operator: Operator, enrolled: Any, player: APIClient, frame_of: Any, show: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opinion = Opinion(Verdict.MINOR_OR_UNCERTAIN)
    monkeypatch.setattr(minors, "check", lambda: opinion)
    enrolled("obama")

    assert selectors.minors(operator_id=operator.id) is Minors.OFF
    assert [one["state"] for one in viewers_of(show(player, frame_of("obama")))] == ["recognised"]
    assert opinion.asked == 0


def test_an_apparent_minor_is_answered_like_any_stranger_and_leaves_nothing(
    enrolled: Any, minding: Any, player: APIClient, frame_of: Any, show: Any
) -> None:
    enrolled("obama")
    minding()
    stranger = viewers_of(show(player, frame_of("biden")))[0]
    before = rows()

    [viewer] = viewers_of(show(player, frame_of("obama")))

    assert told(viewer) == told(stranger)
    assert len(viewer["viewer"]) == len(stranger["viewer"])
    assert rows() == before


def test_who_is_surely_adult_is_recognised(
    enrolled: Any, minding: Any, player: APIClient, frame_of: Any, show: Any
) -> None:
    enrolled("obama")
    minding(Verdict.ADULT)

    assert [one["state"] for one in viewers_of(show(player, frame_of("obama")))] == ["recognised"]


def test_strangers_are_not_looked_at(enrolled: Any, minding: Any, player: APIClient, frame_of: Any, show: Any) -> None:
    enrolled("obama")
    opinion = minding()

    assert [one["state"] for one in viewers_of(show(player, frame_of("biden")))] == ["anonymous"]
    assert opinion.asked == 0


def test_one_uncertain_look_of_several_suffices(enrolled: Any, minding: Any, player: APIClient, frame_of: Any) -> None:
    def moment() -> list[str]:
        frames = [SimpleUploadedFile("f.jpg", frame_of("obama"), "image/jpeg") for _ in range(3)]
        return [one["state"] for one in viewers_of(player.post("/v1/recognitions", {"frame": frames}))]

    enrolled("obama")
    minding(Verdict.ADULT)
    assert moment() == ["recognised"]
    minding(Verdict.ADULT, Verdict.MINOR_OR_UNCERTAIN, Verdict.ADULT)
    assert moment() == ["anonymous"]


def test_embeddings_name_nobody_since_nobody_can_look_at_them(
    operator: Operator, enrolled: Any, minding: Any, player: APIClient, frame_of: Any
) -> None:
    import faceid.image

    enrolled("obama")
    space = faces.read(operator.id).active
    [face] = space.pipeline.faces(faceid.image.decode(frame_of("obama_again")))
    assert face.embedding is not None
    body = {"contract": space.id, "embeddings": [np.asarray(space.protection.apply(face.embedding)).tolist()]}
    assert viewers_of(player.post("/v1/recognitions", body, format="json"))[0]["state"] == "recognised"

    minding(Verdict.ADULT)

    assert viewers_of(player.post("/v1/recognitions", body, format="json"))[0]["state"] == "anonymous"


def test_without_the_network_everybody_is_anonymous(
    operator: Operator, enrolled: Any, player: APIClient, frame_of: Any, show: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled("obama")
    treat_minors(operator_id=operator.id, minors="apparent_minor_is_anonymous", actor="member:test")
    monkeypatch.setattr(minors, "check", lambda: None)

    assert [one["state"] for one in viewers_of(show(player, frame_of("obama")))] == ["anonymous"]


def test_a_network_that_is_not_installed_is_none(settings: Any, tmp_path: Path) -> None:
    settings.FACE_MODELS = tmp_path

    assert minors.check() is None


def test_a_damaged_network_is_none(settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "minor.json").write_text("{")
    settings.FACE_MODELS = tmp_path

    assert minors.check() is None
    assert "Nobody counts as adult" in caplog.text


def test_the_network_of_set_up_lets_an_elderly_statesman_pass(
    operator: Operator, enrolled: Any, player: APIClient, frame_of: Any, show: Any
) -> None:
    treat_minors(operator_id=operator.id, minors="apparent_minor_is_anonymous", actor="member:test")
    enrolled("biden")

    assert [one["state"] for one in viewers_of(show(player, frame_of("biden")))] == ["recognised"]


def test_the_policy_costs_no_query_while_nothing_changed(
    operator: Operator, minding: Any, enrolled: Any, player: APIClient, frame_of: Any, show: Any,
    django_assert_num_queries: Any,
) -> None:  # fmt: skip
    minding(Verdict.ADULT)
    enrolled("obama")
    show(player, frame_of("obama"))

    with django_assert_num_queries(5):
        assert viewers_of(show(player, frame_of("obama")))[0]["state"] == "recognised"
    seen = versions(operator_id=operator.id)
    with django_assert_num_queries(0):
        assert minors.policy(operator.id, seen) is Minors.ANONYMOUS


class TestEnrolment:
    """No template of whoever is not surely adult."""

    def test_an_apparent_minor_is_not_enrolled(self, minding: Any, enrolled: Any) -> None:
        minding()
        before = rows()

        with pytest.raises(GuardianNeeded):
            enrolled("obama")

        assert rows() == before

    def test_staff_cannot_vouch_for_an_age(self, minding: Any, kiosk: APIClient, notice: Any, frame_of: Any) -> None:
        minding()
        before = rows()

        answer = kiosk.post(
            "/v1/enrolments",
            {
                "frame": SimpleUploadedFile("f.jpg", frame_of("obama"), "image/jpeg"), "notice": notice.public_id,
                "purposes": ["recognise"], "attended": True,
            },
            format="multipart",
        )  # fmt: skip

        assert (answer.status_code, answer.json()["code"]) == (422, "guardian_needed")
        assert "errors" not in answer.json() or not answer.json()["errors"]
        assert rows() == before

    def test_who_is_surely_adult_is_enrolled(self, minding: Any, enrolled: Any) -> None:
        minding(Verdict.ADULT)

        assert enrolled("obama").subject.pk


class TestChoosing:
    """The choice is the operator's, is audited and keeps what else they chose."""

    def test_it_is_audited_and_keeps_the_supervision(self, operator: Operator) -> None:
        supervise(operator_id=operator.id, supervision=Supervision.ATTENDED, actor="member:mem_1")
        treat_minors(operator_id=operator.id, minors="apparent_minor_is_anonymous", actor="member:mem_1")
        supervise(operator_id=operator.id, supervision=Supervision.ATTENDED, actor="member:mem_1")

        policy = EnrolmentPolicy.objects.get()
        assert (policy.supervision, policy.minors) == ("attended", "apparent_minor_is_anonymous")
        entry = Entry.objects.get(action="recognition.minors_chosen")
        assert (entry.actor, entry.detail) == ("member:mem_1", {"minors": "apparent_minor_is_anonymous"})

    def test_it_can_be_taken_back_at_once(
        self, operator: Operator, enrolled: Any, minding: Any, player: APIClient, frame_of: Any, show: Any, at: datetime
    ) -> None:
        enrolled("obama")
        minding()
        assert viewers_of(show(player, frame_of("obama")))[0]["state"] == "anonymous"

        treat_minors(operator_id=operator.id, minors="off", actor="member:test")

        assert viewers_of(show(player, frame_of("obama")))[0]["state"] == "recognised"

    def test_an_unknown_choice_changes_nothing(self, operator: Operator) -> None:
        before = rows()

        with pytest.raises(MinorsUnknown):
            treat_minors(operator_id=operator.id, minors="on", actor="member:test")

        assert rows() == before
