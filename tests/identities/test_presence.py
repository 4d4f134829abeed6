"""Enrolment without staff: a challenge that counts once, one and the same person, and nothing kept of either."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from random import Random
from secrets import token_bytes
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import redis
from django.apps import apps
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image, ImageFilter
from rest_framework.test import APIClient

import faceid.image
from accounts.models import Operator
from audit.models import Entry
from faceid.frame import require
from faceid.liveness import lamps
from faceid.liveness.answer import ChallengeVerdict
from faceid.liveness.challenge import Challenge, StepKind
from faceid.liveness.detector import Verdict
from faceid.liveness.performance import perform
from faceid.liveness.policy import SCREEN, Policy
from faceid.liveness.sitter import Moment, Sitter
from faceid.liveness.videos import waved
from identities import challenges, liveness
from identities.models import EnrolmentPolicy, Supervision
from identities.pipelines import pipeline
from identities.services import presence, supervise
from identities.services.presence import KIOSK

Judge = Callable[..., None]
TRAINED = liveness.detector
TAKES = timedelta(seconds=15)
"""How long before its answer a challenge is drawn: the steps take ten seconds."""


class Acts(Random):
    """Random colours and nonce for the same two acts."""

    def sample(self, population: Any, k: int, **terms: Any) -> list[Any]:
        assert k == 2
        return [StepKind.TURN_LEFT, StepKind.CLOSE_EYES]


def rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Policy]]:
    """Let the detector find everybody alive, or nobody; return the policies it was asked by."""

    def call(*, live: bool) -> list[Policy]:
        asked: list[Policy] = []

        def verdict(capture: Any, policy: Policy, extra: Any) -> Verdict:
            asked.append(policy)
            assert {one.method for one in extra} == policy.required
            return Verdict(0.93 if live else 0.04, live, 0.5, (), () if live else ("colour_texture",))

        monkeypatch.setattr(liveness, "detector", lambda: SimpleNamespace(judge=verdict))
        return asked

    return call


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, Challenge]]:
    """Draw a challenge through the API, some time ago; always the same acts, so that what fails, fails again."""
    monkeypatch.setattr(challenges, "SystemRandom", lambda: Acts(token_bytes()))

    def call(client: APIClient, ago: timedelta = TAKES) -> tuple[str, Challenge]:
        def earlier(*, at: datetime, **rest: Any) -> challenges.Issued:
            return challenges.issue(at=at - ago, **rest)

        monkeypatch.setattr("identities.api.challenges.issue", earlier)
        answer = client.post("/v1/challenges")
        assert answer.status_code == 201, answer.content
        challenge = challenges._opened(answer.json()["challenge"])
        assert challenge is not None
        return answer.json()["challenge"], challenge

    return call


@pytest.fixture
def performed(photograph: Callable[[str], Image.Image]) -> Callable[..., tuple[list[bytes], list[int]]]:
    """Let the person of a photograph answer a challenge; returns JPEG files and milliseconds."""

    def call(challenge: Challenge, name: str = "obama", **terms: Any) -> tuple[list[bytes], list[int]]:
        picture = np.asarray(photograph(name).resize((400, 400), Image.Resampling.BOX), dtype=np.uint8)
        face = pipeline().detector.faces(picture)[0]
        frames, times = perform(Sitter.of(picture, face.landmarks), challenge, seed=3, **terms)
        return [encoded(Image.fromarray(require(frame))) for frame in frames], [round(at * 1000) for at in times]

    return call


def encoded(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def upload(data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("frame.jpg", data, "image/jpeg")


def send(
    client: APIClient, notice: Any, frame: bytes, token: str, looks: tuple[list[bytes], list[int]], **fields: Any
) -> Any:
    body = {
        "frame": upload(frame), "notice": notice.public_id, "purposes": ["recognise"], "challenge": token,
        "looks": [upload(look) for look in looks[0]], "times_ms": looks[1], **fields,
    }  # fmt: skip
    return client.post("/v1/enrolments", body, format="multipart")


def reasons(answer: Any) -> set[str]:
    return {error["code"] for error in answer.json()["errors"]}


def test_a_challenge_says_what_to_do_and_when_to_look(unattended: APIClient) -> None:
    before = rows()

    answer = unattended.post("/v1/challenges")

    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    said = answer.json()
    assert said["supervision"] == "unattended"
    assert said["steps"][0]["begins_ms"] == 0
    assert sum(step["duration_ms"] for step in said["steps"]) == 10_000
    flashes = next(step for step in said["steps"] if step["kind"] == "flashes")
    assert len(flashes["colours"]) == 8
    assert len(said["looks_ms"]) == 24
    assert rows() == before


def test_who_answers_the_challenge_is_enrolled_and_only_that_is_recorded(
    unattended: APIClient, notice: Any, frame_of: Any, drawn: Any, performed: Any, judge: Any
) -> None:
    asked = judge(live=True)
    token, challenge = drawn(unattended)
    looks = performed(challenge)

    answer = send(unattended, notice, frame_of("obama"), token, looks)
    before = rows()
    again = send(unattended, notice, frame_of("obama"), token, looks)

    assert answer.status_code == 201, answer.content
    assert (again.status_code, again.json()["code"]) == (409, "challenge_used")
    assert rows() == before
    entry = Entry.objects.get(action="subject.enrolled")
    assert entry.detail["presence"] == "answered"
    assert set(entry.detail) == {"presence", "templates"}
    assert asked == [KIOSK]


@pytest.mark.parametrize("photograph_of", ["obama", "biden"])
def test_the_trained_detector_and_the_challenge_together_let_a_made_person_in(
    unattended: APIClient, notice: Any, frame_of: Any, drawn: Any, performed: Any, photograph_of: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(liveness, "detector", TRAINED)
    token, challenge = drawn(unattended)

    answer = send(unattended, notice, frame_of(photograph_of), token, performed(challenge, photograph_of))

    assert answer.status_code == 201, answer.content


@pytest.mark.parametrize("vigour", [0.0, 0.5], ids=["still", "waved"])
def test_a_picture_that_fools_the_challenge_is_found_by_how_it_turns(
    unattended: APIClient, notice: Any, photograph: Any, frame_of: Any, drawn: Any, vigour: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(liveness, "detector", TRAINED)
    monkeypatch.setattr(presence, "judge", lambda *answer, **known: ChallengeVerdict(()))
    token, challenge = drawn(unattended)
    picture = np.asarray(photograph("obama").resize((400, 400), Image.Resampling.BOX), dtype=np.uint8)
    film = waved(picture, seconds=challenge.seconds, rate=10.0, vigour=vigour)
    frames = [film.frames[int(at * 10.0)] for at in challenge.looks_at()]
    looks = [encoded(Image.fromarray(frame)) for frame in frames], [round(at * 1000) for at in challenge.looks_at()]
    before = rows()

    answer = send(unattended, notice, frame_of("obama"), token, looks)

    assert (answer.status_code, answer.json()["code"], reasons(answer)) == (
        422, "spoof_suspected", {"spoof_suspected"},
    )  # fmt: skip
    assert rows() == before


def test_a_turn_that_is_hardly_seen_does_not_count(
    unattended: APIClient, notice: Any, frame_of: Any, drawn: Any, performed: Any, judge: Any
) -> None:
    asked = judge(live=True)
    token, challenge = drawn(unattended)
    frames, times = performed(challenge)
    turn = next(number for number, step in enumerate(challenge.steps) if step.kind is StepKind.TURN_LEFT)
    during = [number for number, at in enumerate(times) if challenge.step_at(at / 1000) == turn]
    kept = [number for number in range(len(times)) if number not in during[-3:]]

    answer = send(
        unattended, notice, frame_of("obama"), token, ([frames[at] for at in kept], [times[at] for at in kept])
    )

    assert (answer.status_code, answer.json()["code"], reasons(answer)) == (422, "challenge_failed", {"face_lost"})
    assert asked == []


def test_an_infrared_frame_that_shows_a_screen_refuses_who_would_be_let_in(
    unattended: APIClient, notice: Any, frame_of: Any, drawn: Any, performed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "detector", TRAINED)
    token, challenge = drawn(unattended)
    height, width = faceid.image.decode(frame_of("obama")).shape[:2]
    infrared = upload(encoded(Image.fromarray(lamps.screen((height, width)))))
    before = rows()

    answer = send(unattended, notice, frame_of("obama"), token, performed(challenge), infrared=infrared)

    assert (answer.status_code, answer.json()["code"]) == (422, "spoof_suspected")
    assert rows() == before


def test_without_a_proof_nobody_is_enrolled(unattended: APIClient, notice: Any, frame_of: Any) -> None:
    before = rows()
    body = {"frame": upload(frame_of("obama")), "notice": notice.public_id, "purposes": ["recognise"]}

    answer = unattended.post("/v1/enrolments", body, format="multipart")

    assert (answer.status_code, answer.json()["code"]) == (422, "challenge_required")
    assert rows() == before


def test_staff_may_vouch_only_where_the_operator_enrols_so(
    unattended: APIClient, operator: Operator, notice: Any, frame_of: Any
) -> None:
    before = rows()

    def vouch() -> Any:
        body = {"notice": notice.public_id, "purposes": ["recognise"], "attended": True}
        return unattended.post("/v1/enrolments", {"frame": upload(frame_of("obama")), **body}, format="multipart")

    refused = vouch()
    assert (refused.status_code, refused.json()["code"]) == (422, "challenge_required")
    assert rows() == before

    supervise(operator_id=operator.id, supervision=Supervision.ATTENDED, actor="member:mem_1")
    assert unattended.post("/v1/challenges").json()["supervision"] == "attended"
    assert vouch().status_code == 201
    assert Entry.objects.get(action="subject.enrolled").detail["presence"] == "attended"


def test_the_choice_of_supervision_is_audited(operator: Operator) -> None:
    for choice in (Supervision.ATTENDED, Supervision.UNATTENDED):
        supervise(operator_id=operator.id, supervision=choice, actor="member:mem_1")

    assert [policy.supervision for policy in EnrolmentPolicy.objects.all()] == ["unattended"]
    entries = Entry.objects.filter(action="enrolment.supervision_chosen").order_by("number")
    assert [(entry.actor, entry.detail["supervision"]) for entry in entries] == [
        ("member:mem_1", "attended"), ("member:mem_1", "unattended"),
    ]  # fmt: skip


def test_a_picture_before_the_camera_is_suspected_and_nothing_stored(
    unattended: APIClient, notice: Any, frame_of: Any, drawn: Any, performed: Any, judge: Any
) -> None:
    judge(live=True)
    token, challenge = drawn(unattended)
    before = rows()

    answer = send(
        unattended, notice, frame_of("obama"), token, performed(challenge, acted=lambda at: Moment())
    )  # fmt: skip

    assert (answer.status_code, answer.json()["code"]) == (422, "spoof_suspected")
    assert "no_reflection" in reasons(answer)
    assert rows() == before


def test_a_challenge_counts_once_whatever_came_of_it(
    unattended: APIClient, notice: Any, frame_of: Any, drawn: Any, performed: Any, judge: Any
) -> None:
    judge(live=True)
    token, challenge = drawn(unattended)
    right = performed(challenge)
    wrong = (right[0][:1] * len(right[0]), right[1])
    before = rows()

    assert send(unattended, notice, frame_of("obama"), token, wrong).json()["code"] == "spoof_suspected"
    again = send(unattended, notice, frame_of("obama"), token, right)

    assert (again.status_code, again.json()["code"]) == (409, "challenge_used")
    assert rows() == before


def test_a_blurred_picture_leaves_the_challenge_to_be_answered(
    unattended: APIClient, notice: Any, photograph: Any, frame_of: Any, drawn: Any, performed: Any, judge: Any
) -> None:
    judge(live=True)
    token, challenge = drawn(unattended)
    looks = performed(challenge)
    person = photograph("obama")
    person.thumbnail((640, 640))

    refused = send(unattended, notice, encoded(person.filter(ImageFilter.GaussianBlur(9))), token, looks)
    done = send(unattended, notice, frame_of("obama"), token, looks)

    assert refused.json()["code"] in {"face_blurred", "face_unclear"}
    assert done.status_code == 201, done.content


def test_somebody_elses_picture_is_not_enrolled(
    unattended: APIClient, notice: Any, frame_of: Any, drawn: Any, performed: Any, judge: Any
) -> None:
    judge(live=True)
    token, challenge = drawn(unattended)
    before = rows()

    answer = send(unattended, notice, frame_of("biden"), token, performed(challenge))

    assert (answer.json()["code"], reasons(answer)) == ("spoof_suspected", {"person_changed"})
    assert rows() == before


def test_texture_that_is_no_faces_is_suspected_and_nothing_stored(
    unattended: APIClient, notice: Any, frame_of: Any, drawn: Any, performed: Any, judge: Any
) -> None:
    judge(live=False)
    token, challenge = drawn(unattended)
    before = rows()

    answer = send(unattended, notice, frame_of("obama"), token, performed(challenge))

    assert (answer.status_code, answer.json()["code"]) == (422, "spoof_suspected")
    assert "0.04" not in answer.content.decode()
    assert rows() == before


@pytest.mark.parametrize(("ago", "reason"), [(timedelta(0), "too_early"), (timedelta(seconds=95), "expired")])
def test_an_answer_out_of_time_does_not_count(
    unattended: APIClient, notice: Any, frame_of: Any, drawn: Any, judge: Any, ago: timedelta, reason: str
) -> None:
    judge(live=True)
    token, _ = drawn(unattended, ago)
    before = rows()

    answer = send(unattended, notice, frame_of("obama"), token, ([frame_of("obama")] * 2, [0, 500]))

    assert (answer.status_code, answer.json()["code"], reasons(answer)) == (422, "challenge_failed", {reason})
    assert rows() == before


def test_another_kiosks_challenge_does_not_count(
    unattended: APIClient, paired: Any, screen: Any, notice: Any, frame_of: Any, drawn: Any, judge: Any
) -> None:
    judge(live=True)
    token, _ = drawn(paired(screen, kind="kiosk")[1])

    for foreign in (token, token[:-3] + "abc", "chl_", "chl_é", "x" * 4000):
        answer = send(unattended, notice, frame_of("obama"), foreign, ([frame_of("obama")], [0]))

        assert (answer.status_code, answer.json()["code"]) == (422, "challenge_foreign")


def test_without_liveness_models_only_staff_enrols(
    unattended: APIClient, operator: Operator, notice: Any, frame_of: Any, drawn: Any
) -> None:
    token, _ = drawn(unattended)
    before = rows()

    answer = send(unattended, notice, frame_of("obama"), token, ([frame_of("obama")], [0]))

    assert (answer.status_code, answer.json()["code"]) == (503, "liveness_unavailable")
    assert answer["Retry-After"] == "300"
    assert "member of staff" in answer.json()["detail"]
    assert rows() == before


def test_without_redis_no_answer_counts(
    unattended: APIClient, notice: Any, frame_of: Any, drawn: Any, performed: Any, judge: Any, settings: Any
) -> None:
    judge(live=True)
    token, challenge = drawn(unattended)
    looks = performed(challenge)
    before = rows()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    answer = send(unattended, notice, frame_of("obama"), token, looks)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert rows() == before


def test_redis_keeps_the_nonce_of_an_answer_until_the_challenge_would_have_ended(operator: Operator) -> None:
    issued = challenges.issue(operator_id=operator.id, actor="device:crd_1", at=timezone.now())

    challenges.use(issued.challenge)

    store = redis.Redis.from_url(django_settings.REDIS_URL)
    key = f"challenge:{issued.challenge.nonce}"
    assert store.get(key) == b"1"
    assert 90 < store.ttl(key) <= 150
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        {"times_ms": [0, 1]}, {"times_ms": [500, 0, 900]}, {"times_ms": ["x", "y", "z"]}, {"times_ms": [-1, 0, 1]},
        {"looks": []}, {"attended": True},
    ],
)  # fmt: skip
def test_looks_and_times_that_do_not_belong_together_are_malformed(
    unattended: APIClient,
    notice: Any,
    frame_of: Any,
    drawn: Any,
    judge: Any,
    change: dict[str, Any],
) -> None:
    judge(live=True)
    token, _ = drawn(unattended)
    before, change = rows(), dict(change)

    looks = change.pop("looks", [frame_of("obama")] * 3)
    times = change.pop("times_ms", [0, 500, 900])
    answer = send(unattended, notice, frame_of("obama"), token, (looks, times), **change)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.content
    assert rows() == before


def test_too_many_looks_are_malformed(unattended: APIClient, notice: Any, frame_of: Any, drawn: Any) -> None:
    token, _ = drawn(unattended)

    answer = send(unattended, notice, frame_of("obama"), token, ([b"x"] * 25, list(range(25))))

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_a_signage_player_draws_no_challenge(player: APIClient) -> None:
    assert player.post("/v1/challenges").status_code == 403


def test_a_living_viewer_is_recognised(player: APIClient, enrolled: Any, show: Any, frame_of: Any, judge: Any) -> None:
    enrolled("obama")
    asked = judge(live=True)

    [viewer] = show(player, frame_of("obama_again")).json()["viewers"]

    assert (viewer["state"], viewer["liveness"], viewer["liveness_score"]) == ("recognised", "live", 0.93)
    assert asked == [SCREEN]


def test_a_suspected_picture_is_an_anonymous_viewer_and_no_error(
    player: APIClient, enrolled: Any, show: Any, frame_of: Any, judge: Any
) -> None:
    enrolled("obama")
    judge(live=False)

    answer = show(player, frame_of("obama_again"))

    [viewer] = answer.json()["viewers"]
    assert answer.status_code == 200
    assert (viewer["state"], viewer["liveness"], viewer["liveness_score"]) == ("anonymous", "suspected", 0.04)


def test_without_models_recognition_says_that_liveness_is_unavailable(
    player: APIClient, enrolled: Any, show: Any, frame_of: Any
) -> None:
    enrolled("obama")

    [viewer] = show(player, frame_of("obama_again")).json()["viewers"]

    assert (viewer["state"], viewer["liveness"], viewer["liveness_score"]) == ("recognised", "unavailable", None)


def test_who_would_not_be_recognised_is_not_looked_at_again(
    player: APIClient, enrolled: Any, show: Any, frame_of: Any, judge: Any
) -> None:
    enrolled("obama")
    asked = judge(live=False)

    [viewer] = show(player, frame_of("biden")).json()["viewers"]

    assert (viewer["state"], viewer["liveness"], asked) == ("anonymous", "unjudged", [])
