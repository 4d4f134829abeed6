"""Several frames of one moment: a name takes several good looks that agree, and everything else stays as it was."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rest_framework.test import APIClient

import faceid.image
import subjects.services
from accounts.models import Operator
from core.epochs import Topic, bump
from faceid.liveness.capture import Capture
from faceid.openset.templates import Templates
from faceid.track import DEFAULT
from identities import viewers
from identities.faces import pipeline
from identities.liveness import Judged, Liveness
from identities.models import Calibration
from identities.services import recognition
from identities.services.calibration import calibrate
from identities.services.following import rules_of
from identities.thresholds import Rule

Sent = Callable[..., Any]


@pytest.fixture
def send(player: APIClient, frame_of: Any) -> Sent:
    """Send frames of photographs, or of bytes, in one request."""

    def call(*shown: str | tuple[str, ...] | bytes, content_type: str = "image/jpeg", **fields: Any) -> Any:
        frames = [
            one if isinstance(one, bytes) else frame_of(*([one] if isinstance(one, str) else one)) for one in shown
        ]
        uploads = [SimpleUploadedFile("frame.jpg", frame, content_type) for frame in frames]
        return player.post("/v1/recognitions", {"frame": uploads, **fields}, format="multipart")

    return call


@pytest.fixture
def subjects_in(operator: Operator, screen: Any, at: datetime) -> Callable[[Any], set[Any]]:
    """Tell whom the tokens of an answer name."""

    def call(answer: Any) -> set[Any]:
        tokens = [viewer["viewer"] for viewer in answer.json()["viewers"]]
        claims = map(viewers.opened, tokens)
        read = (viewers.checked(claim, operator_id=operator.id, screen_id=screen.id, at=at) for claim in claims)
        return {claim.subject_id for claim in read if claim.subject_id}

    return call


def states(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [viewer["state"] for viewer in answer.json()["viewers"]]


def rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def test_three_good_looks_name_somebody(enrolled: Any, send: Sent, subjects_in: Any) -> None:
    subject = enrolled("obama").subject

    answer = send("obama_again", "obama_again", "obama_again")

    assert states(answer) == ["recognised"]
    assert subjects_in(answer) == {subject.id}
    assert set(answer.json()["viewers"][0]) == {
        "viewer", "state", "how", "expires_at", "liveness", "liveness_score",
    }  # fmt: skip


@pytest.mark.parametrize("frames", [("obama_again",), ("obama",)])
def test_one_frame_names_somebody_as_it_always_did(enrolled: Any, send: Sent, frames: tuple[str, ...]) -> None:
    enrolled("obama")

    assert states(send(*frames)) == ["recognised"]
    assert states(send(*frames, at_ms=["7"])) == ["recognised"]


def test_two_frames_are_too_few_looks(enrolled: Any, send: Sent) -> None:
    enrolled("obama")

    assert states(send("obama_again", "obama")) == ["anonymous"]


def test_a_stranger_is_anonymous_however_often_they_are_seen(enrolled: Any, send: Sent) -> None:
    enrolled("obama")

    assert states(send(*["biden"] * 5)) == ["anonymous"]


def test_a_stranger_in_one_of_the_frames_breaks_the_evidence(enrolled: Any, send: Sent) -> None:
    enrolled("obama")

    answer = send("obama", "biden", "obama_again")

    assert states(answer) == ["anonymous", "anonymous"]


def test_whoever_comes_late_is_a_viewer_of_their_own(enrolled: Any, send: Sent, subjects_in: Any) -> None:
    subject = enrolled("obama").subject

    answer = send("obama", "obama_again", "obama", ("obama", "astronaut"))

    assert sorted(states(answer)) == ["anonymous", "recognised"]
    assert subjects_in(answer) == {subject.id}


def test_people_who_swap_places_keep_their_names(enrolled: Any, send: Sent, subjects_in: Any) -> None:
    subject = enrolled("obama").subject
    here, there = ("biden", "obama_again"), ("obama_again", "biden")

    alone = send(here, there, here, there)
    other = enrolled("biden").subject
    both = send(here, there, here, there)

    assert sorted(states(alone)) == ["anonymous", "recognised"]
    assert subjects_in(alone) == {subject.id}
    assert states(both) == ["recognised", "recognised"]
    assert subjects_in(both) == {subject.id, other.id}


def test_a_subject_is_one_viewer_even_if_the_face_is_seen_twice(enrolled: Any, send: Sent) -> None:
    enrolled("obama")

    assert sorted(states(send(*[("obama", "obama_again")] * 4))).count("recognised") <= 1


def test_whoever_left_long_ago_is_no_viewer(enrolled: Any, send: Sent, subjects_in: Any) -> None:
    enrolled("obama")

    answer = send("obama", "obama", "obama", "astronaut", at_ms=["0", "200", "400", "1900"])

    assert states(answer) == ["anonymous"]


def test_frames_far_apart_are_no_evidence_together(enrolled: Any, send: Sent) -> None:
    enrolled("obama")

    assert states(send("obama", "obama", "obama", at_ms=["0", "1500", "3000"])) == ["anonymous"]


def test_a_frame_without_anybody_is_no_obstacle(enrolled: Any, send: Sent, frame_of: Any, subjects_in: Any) -> None:
    subject = enrolled("obama").subject

    assert subjects_in(send("obama", "cat", "obama_again", "obama")) == {subject.id}
    nobody = send("cat", "cat", "cat")
    assert (nobody.status_code, nobody.json()["code"]) == (422, "no_face")


def test_a_face_that_is_always_too_poor_is_a_bystander(enrolled: Any, send: Sent, photograph: Any) -> None:
    enrolled("obama")
    person = photograph("obama")
    person.thumbnail((70, 70))
    frame = Image.new("RGB", (320, 240), "grey")
    frame.paste(person, (120, 80))
    buffer = BytesIO()
    frame.save(buffer, "PNG")

    assert states(send(*[buffer.getvalue()] * 3, content_type="image/png")) == ["bystander"]


def test_whoever_withdrew_is_a_stranger_in_every_frame(
    operator: Operator, enrolled: Any, send: Sent, at: datetime
) -> None:
    subject = enrolled("obama").subject
    assert states(send(*["obama"] * 3)) == ["recognised"]

    subjects.services.withdraw_consent(
        operator_id=operator.id, subject_id=subject.id, purpose="recognise", channel="kiosk", actor="a", at=at
    )

    assert states(send(*["obama"] * 3)) == ["anonymous"]


def test_the_operators_threshold_holds_for_the_mean_of_the_looks(
    operator: Operator, enrolled: Any, send: Sent, at: datetime, unit_vectors: Any
) -> None:
    enrolled("obama")
    enrolled("biden")
    strangers = Templates(pipeline().contract().id, unit_vectors(1200), np.array([f"x{n}" for n in range(1200)]))
    made = calibrate(operator_id=operator.id, target=0.02, actor="member:test", at=at, impostors=strangers)
    assert states(send(*["obama_again"] * 4)) == ["recognised"]

    Calibration.objects.update(content=replace(made, threshold=0.97).fields())
    bump(operator_id=operator.id, topic=Topic.GALLERY)

    assert states(send(*["obama_again"] * 4)) == ["anonymous"]


def test_a_gallery_beyond_memory_is_asked_for_the_same(
    enrolled: Any, send: Sent, subjects_in: Any, settings: Any
) -> None:
    settings.GALLERY_IN_MEMORY = 1
    subject = enrolled("obama").subject
    enrolled("biden")

    assert subjects_in(send("obama_again")) == {subject.id}
    assert subjects_in(send(*["obama_again"] * 3)) == {subject.id}
    assert states(send(*["astronaut"] * 3)) == ["anonymous"]


def test_the_number_of_queries_depends_neither_on_frames_nor_on_faces(
    enrolled: Any, send: Sent, django_assert_num_queries: Any
) -> None:
    enrolled("obama")
    enrolled("biden")
    send("obama")

    with django_assert_num_queries(5):
        assert states(send("obama")) == ["recognised"]
    with django_assert_num_queries(5):
        assert states(send(*["obama"] * 3)) == ["recognised"]
    with django_assert_num_queries(5):
        assert states(send(*[("obama", "biden")] * 5)) == ["recognised", "recognised"]


def test_a_moment_leaves_nothing(enrolled: Any, send: Sent, tmp_path: Path) -> None:
    enrolled("obama")
    send("obama")
    before = (rows(), set(tmp_path.rglob("*")), set(Path(tempfile.gettempdir()).iterdir()))

    assert states(send("biden", "biden", "biden")) == ["anonymous"]

    assert (rows(), set(tmp_path.rglob("*")), set(Path(tempfile.gettempdir()).iterdir())) == before


class TestLiveness:
    """Whoever was followed is judged by all their looks."""

    @pytest.fixture
    def captures(self, monkeypatch: pytest.MonkeyPatch) -> list[Capture]:
        """Suspect everybody; return what was judged."""
        seen: list[Capture] = []

        def judged(capture: Capture) -> Judged:
            seen.append(capture)
            return Judged(Liveness.SUSPECTED, 0.1)

        monkeypatch.setattr(recognition, "judged", judged)
        return seen

    def test_every_look_counts_with_its_time(self, enrolled: Any, send: Sent, captures: list[Capture]) -> None:
        enrolled("obama")

        answer = send(*["obama"] * 3, at_ms=["1000", "1100", "1350"])

        [capture] = captures
        assert [look.at for look in capture.looks] == [0.0, 0.1, 0.35]
        [viewer] = answer.json()["viewers"]
        assert (viewer["state"], viewer["liveness"], viewer["liveness_score"]) == ("anonymous", "suspected", 0.1)

    def test_strangers_are_not_looked_at(self, enrolled: Any, send: Sent, captures: list[Capture]) -> None:
        enrolled("obama")

        assert states(send(*["biden"] * 3)) == ["anonymous"]
        assert captures == []


class TestRefusals:
    """A moment is refused as a whole, and nothing is kept of it."""

    def refused(self, answer: Any) -> tuple[int, str]:
        assert answer["Content-Type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]

    @pytest.mark.parametrize("place", [0, 1, 2])
    @pytest.mark.parametrize(
        ("what", "status", "code"),
        [
            ("no image", 422, "not_an_image"),
            ("truncated", 422, "truncated_image"),
            ("gif", 415, "unsupported_image_type"),
        ],
    )
    def test_one_broken_frame_refuses_them_all(
        self, enrolled: Any, send: Sent, frame_of: Any, what: str, status: int, code: str, place: int
    ) -> None:
        enrolled("obama")
        buffer = BytesIO()
        Image.new("P", (64, 64)).save(buffer, "GIF")
        broken = {"no image": b"\0\1\2" * 99, "truncated": frame_of("obama")[:5000], "gif": buffer.getvalue()}[what]
        frames: list[str | bytes] = ["obama", "obama", "obama"]
        frames[place] = broken
        before = rows()

        assert self.refused(send(*frames)) == (status, code)
        assert rows() == before

    def test_six_frames_are_too_many(self, send: Sent) -> None:
        answer = send(*["cat"] * 6)

        assert self.refused(answer) == (400, "malformed")
        assert answer.json()["errors"][0]["field"] == "frame"

    def test_frames_that_are_too_large_together_are_refused(self, send: Sent, frame_of: Any) -> None:
        padded = frame_of("obama") + b"\0" * (3 * 2**20)

        assert self.refused(send(padded, padded, padded)) == (413, "too_large")

    def test_too_many_pixels_together_are_refused(self, send: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(faceid.image, "MAX_PIXELS", 300_000)

        assert send("obama").status_code == 200
        assert self.refused(send("obama", "obama")) == (422, "image_too_large")

    @pytest.mark.parametrize(
        "times",
        [
            ["0", "200"], ["0", "200", "200"], ["400", "200", "0"], ["0", "x", "400"], ["0", "-1", "400"],
            ["0", "1.5", "400"], ["0", "200", "5001"], ["0", "200", "9" * 30], ["0", "٣", "400"], [""] * 3,
        ],
    )  # fmt: skip
    def test_times_that_cannot_be_are_malformed(self, send: Sent, times: list[str]) -> None:
        answer = send(*["cat"] * 3, at_ms=times)

        assert self.refused(answer) == (400, "malformed")
        assert answer.json()["errors"][0]["field"] == "at_ms"

    def test_text_among_the_frames_is_malformed(self, player: APIClient, frame_of: Any) -> None:
        frames = [SimpleUploadedFile("frame.jpg", frame_of("obama"), "image/jpeg"), "obama"]

        answer = player.post("/v1/recognitions", {"frame": frames}, format="multipart")

        assert self.refused(answer) == (400, "malformed")


class TestRules:
    """What a few frames have to say before somebody is named."""

    def test_the_larger_the_gallery_the_more_looks_have_to_agree(self) -> None:
        asked = [rules_of(Rule(), templates=templates, frames=5).commit for templates in (0, 5, 1_000_000)]

        assert asked == [DEFAULT.commit, pytest.approx(8.517, abs=1e-3), pytest.approx(9.6)]

    def test_a_high_threshold_lets_looks_count_later_and_a_low_one_not_earlier(self) -> None:
        assert rules_of(Rule(), templates=10, frames=3).pivot == pytest.approx(DEFAULT.pivot)
        assert rules_of(Rule(threshold=0.2), templates=10, frames=3).pivot == DEFAULT.pivot
        assert rules_of(Rule(threshold=0.54), templates=10, frames=3).pivot == pytest.approx(DEFAULT.pivot + 0.1)

    @given(templates=st.integers(0, 10**7), frames=st.integers(3, 5))
    def test_good_looks_suffice_even_if_one_of_four_is_missed(self, templates: int, frames: int) -> None:
        rules = rules_of(Rule(), templates=templates, frames=frames)
        looks = frames - 1 if frames > rules.looks else frames

        assert looks * rules.most * rules.discount >= rules.commit
        assert (rules.looks - 1) * rules.most * rules.discount < rules.commit
