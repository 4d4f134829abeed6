"""The active challenge: who does what is asked passes, and a picture, an older film or somebody else does not."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceid.frame import Frame, from_rgb
from faceid.liveness.answer import CHANCE, Answer, ChallengeVerdict, follows, judge, observe, yaw
from faceid.liveness.challenge import COLOURS, MOST_LOOKS, TURNS, Challenge, Colour, Step, StepKind
from faceid.liveness.detector import LIFELESS, LivenessDetector
from faceid.liveness.method import Evidence
from faceid.liveness.performance import perform, performance
from faceid.liveness.policy import SCREEN
from faceid.liveness.reflection import lit
from faceid.liveness.refusal import Refusal
from faceid.liveness.sitter import Moment, Sitter
from faceid.liveness.turning import turning
from faceid.liveness.videos import waved
from faceid.mesh import FaceMesh
from faceid.pipeline import Pipeline

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANSWERED = AT + timedelta(seconds=20)
SESSION = "device:crd_1"
ACTS = [kind for kind in StepKind if kind is not StepKind.FLASHES]


def drawn(seed: int, *acts: StepKind) -> Challenge:
    """Draw a challenge that asks for these acts."""
    rng = Random(seed)
    while True:
        challenge = Challenge.draw(rng, AT, session=SESSION)
        if set(acts) <= {step.kind for step in challenge.steps}:
            return challenge


@pytest.fixture(scope="module")
def sitter(picture: Callable[[str], NDArray[np.uint8]], pipeline: Pipeline) -> Callable[[str], Sitter]:
    """Prepare a photograph: its upper square, 400 pixels."""

    def prepare(name: str) -> Sitter:
        photograph = np.array(picture(name))
        side = min(photograph.shape[:2])
        small = np.asarray(cv2.resize(photograph[:side, :side], (400, 400), interpolation=cv2.INTER_AREA), np.uint8)
        return Sitter.of(small, pipeline.detector.faces(small)[0].landmarks)

    return prepare


@pytest.fixture(scope="module")
def mesh(models_dir: Path) -> FaceMesh | None:
    return FaceMesh.load(models_dir)


@pytest.fixture(scope="module")
def detector(models_dir: Path) -> LivenessDetector:
    return LivenessDetector.load(models_dir)


@pytest.fixture(scope="module")
def answered(sitter: Callable[[str], Sitter], pipeline: Pipeline) -> Callable[..., Answer]:
    """Film a person who answers a challenge, and look at the frames; the same answer is filmed once."""
    made: dict[tuple[str, str], Answer] = {}

    def answer(challenge: Challenge, name: str = "obama", acted: Callable[[float], Moment] | None = None) -> Answer:
        if acted is None and (challenge.nonce, name) in made:
            return made[challenge.nonce, name]
        frames, times = perform(sitter(name), challenge, seed=3, acted=acted)
        answer = observe(pipeline, frames, times, nonce=challenge.nonce, session=challenge.session)
        if acted is None:
            made[challenge.nonce, name] = answer
        return answer

    return answer


@pytest.fixture(scope="module")
def good(answered: Callable[..., Answer]) -> tuple[Challenge, Answer]:
    """A challenge and its right answer."""
    challenge = drawn(1, StepKind.TURN_LEFT, StepKind.CLOSE_EYES)
    return challenge, answered(challenge)


@pytest.mark.parametrize("seeing_lids", [True, False], ids=["with the mesh", "without the mesh"])
@pytest.mark.parametrize(
    ("name", "acts"),
    [
        ("obama", (StepKind.TURN_LEFT, StepKind.CLOSE_EYES)),
        ("astronaut", (StepKind.TURN_RIGHT, StepKind.COME_CLOSER)),
    ],
)
def test_who_does_what_is_asked_passes(
    answered: Callable[..., Answer], mesh: FaceMesh | None, name: str, acts: tuple[StepKind, ...], seeing_lids: bool
) -> None:
    challenge = drawn(1, *acts)

    verdict = judge(challenge, answered(challenge, name), ANSWERED, mesh=mesh if seeing_lids else None)

    assert verdict.refusals == ()
    assert verdict.passed
    assert [step.kind for step in verdict.steps] == [step.kind for step in challenge.steps]
    assert all(step.score >= 1.0 for step in verdict.steps)


def test_a_picture_that_does_nothing_fails_every_step(
    answered: Callable[..., Answer], good: tuple[Challenge, Answer]
) -> None:
    verdict = judge(good[0], answered(good[0], acted=lambda at: Moment()), ANSWERED)

    assert set(verdict.refusals) == {Refusal.TURN_MISSING, Refusal.EYES_NOT_CLOSED, Refusal.NO_REFLECTION}


def _flawless() -> list[Evidence]:
    return [Evidence(method, 6.0) for method in ("colour_texture", "image_distortion", "tone")]


def test_a_waved_print_fails(
    sitter: Callable[[str], Sitter], pipeline: Pipeline, mesh: FaceMesh | None, detector: LivenessDetector
) -> None:
    challenge = drawn(1, StepKind.TURN_LEFT, StepKind.CLOSE_EYES)
    film = waved(sitter("obama").image, seconds=challenge.seconds, rate=5.0, vigour=1.2)
    times = [at for at in challenge.looks_at() if at < film.times[-1]]
    frames = [from_rgb(film.frames[int(at * 5)]) for at in times]

    answer = observe(pipeline, frames, times, nonce=challenge.nonce, session=SESSION)
    verdict, turned = judge(challenge, answer, ANSWERED, mesh=mesh), turning(challenge, answer)

    assert {Refusal.TURN_MISSING, Refusal.EYES_NOT_CLOSED} <= set(verdict.refusals)
    assert not verdict.passed
    assert turned is not None
    assert turned.score < -2.0
    assert LIFELESS in detector.verdict([*_flawless(), verdict.evidence(), turned], SCREEN).reasons


def test_a_head_that_turns_is_no_picture_which_says_no_more_than_the_challenge_does(
    good: tuple[Challenge, Answer],
) -> None:
    turned = turning(*good)

    assert turned is not None
    assert turned.score == 0.0
    assert dict(turned.figures)["unexplained"] > 0.3


def test_a_turn_that_is_hardly_seen_is_not_judged(good: tuple[Challenge, Answer]) -> None:
    challenge, answer = good
    [number] = [number for number, step in enumerate(challenge.steps) if step.kind in TURNS]
    during = [seen for seen in answer.seen if challenge.step_at(seen.look.at) == number]
    others = [seen for seen in answer.seen if challenge.step_at(seen.look.at) != number]

    assert turning(challenge, replace(answer, seen=tuple(during[:6]))) is not None
    assert turning(challenge, replace(answer, seen=tuple(during[:5]))) is None
    assert turning(challenge, replace(answer, seen=tuple(others))) is None


def test_as_many_random_colours_are_met_by_chance_as_is_promised(good: tuple[Challenge, Answer]) -> None:
    challenge, answer = good
    [number] = [number for number, step in enumerate(challenge.steps) if step.colours]
    looks = [seen.look for seen in answer.seen if challenge.step_at(seen.look.at) == number]
    times, signal = [look.at - challenge.begins(number) for look in looks], lit(looks)
    rng, drawings = Random(5), 4000

    challenges = (Challenge.draw(rng, AT, session=SESSION) for _ in range(drawings))
    flashes = (step for one in challenges for step in one.steps if step.colours)
    met = sum(follows(step, times, signal).passed for step in flashes)

    assert follows(challenge.steps[number], times, signal).passed
    # Within 2.6 deviations of the count promised: 99 of 100 such drawings, were the promise kept exactly.
    deviation = math.sqrt(drawings * CHANCE * (1 - CHANCE))
    assert abs(met - drawings * CHANCE) < 2.6 * deviation


def test_a_film_of_an_older_answer_does_not_follow_new_flashes(good: tuple[Challenge, Answer]) -> None:
    challenge, answer = good
    for seed in range(5):
        rng, colours = Random(seed), list(Colour)
        steps = tuple(
            replace(step, colours=tuple(rng.choice(colours) for _ in step.colours)) for step in challenge.steps
        )

        verdict = judge(replace(challenge, steps=steps), answer, ANSWERED)

        assert verdict.refusals == (Refusal.NO_REFLECTION,), seed


def test_the_wrong_order_of_acts_is_not_what_was_asked(
    answered: Callable[..., Answer], good: tuple[Challenge, Answer]
) -> None:
    challenge = good[0]
    turned = replace(
        challenge,
        steps=tuple(replace(step, kind=_other_side(step.kind)) for step in challenge.steps),
    )

    verdict = judge(challenge, answered(challenge, acted=performance(turned)), ANSWERED)

    assert verdict.refusals == (Refusal.TURN_MISSING,)


def _other_side(kind: StepKind) -> StepKind:
    sides = {StepKind.TURN_LEFT: StepKind.TURN_RIGHT, StepKind.TURN_RIGHT: StepKind.TURN_LEFT}
    return sides.get(kind, kind)


@pytest.mark.parametrize(
    ("change", "at", "refusal"),
    [
        ({"nonce": "0" * 32}, ANSWERED, Refusal.NOT_THIS_CHALLENGE),
        ({"session": "device:crd_2"}, ANSWERED, Refusal.NOT_THIS_CHALLENGE),
        ({}, AT + timedelta(seconds=90), Refusal.EXPIRED),
        ({}, AT + timedelta(seconds=9), Refusal.TOO_EARLY),
        ({"sent": 8}, ANSWERED, Refusal.TOO_FEW_LOOKS),
    ],
)
def test_an_answer_to_something_else_or_out_of_time_does_not_count(
    good: tuple[Challenge, Answer], change: dict[str, object], at: datetime, refusal: Refusal
) -> None:
    challenge, answer = good

    verdict = judge(challenge, replace(answer, **change), at)  # type: ignore[arg-type]

    assert verdict.refusals == (refusal,)
    assert verdict.steps == ()


def test_looks_from_before_or_after_do_not_count(good: tuple[Challenge, Answer]) -> None:
    challenge, answer = good
    for shift in (-1.0, 5.0):
        moved = tuple(replace(seen, look=replace(seen.look, at=seen.look.at + shift)) for seen in answer.seen)

        assert judge(challenge, replace(answer, seen=moved), ANSWERED).refusals == (Refusal.OUT_OF_TIME,)


def test_who_leaves_the_picture_does_not_pass(good: tuple[Challenge, Answer]) -> None:
    challenge, answer = good

    assert judge(challenge, replace(answer, seen=answer.seen[:10]), ANSWERED).refusals == (Refusal.FACE_LOST,)
    assert judge(challenge, replace(answer, seen=()), ANSWERED).refusals == (Refusal.FACE_LOST,)


def test_two_faces_as_near_do_not_pass(good: tuple[Challenge, Answer]) -> None:
    challenge, answer = good
    together = (*answer.seen[:-1], replace(answer.seen[-1], alone=False))

    assert judge(challenge, replace(answer, seen=together), ANSWERED).refusals == (Refusal.SEVERAL_FACES,)


def test_another_person_takes_over_and_does_not_pass(
    good: tuple[Challenge, Answer], answered: Callable[..., Answer]
) -> None:
    challenge, answer = good
    other = answered(challenge, "biden")
    switched = answer.seen[:12] + other.seen[12:]

    verdict = judge(challenge, replace(answer, seen=switched), ANSWERED)

    assert Refusal.PERSON_CHANGED in verdict.refusals
    assert verdict.likeness < 0.415


def test_the_person_enrolled_is_the_person_who_answered(
    good: tuple[Challenge, Answer], pipeline: Pipeline, sitter: Callable[[str], Sitter]
) -> None:
    challenge, answer = good
    mine, another = (pipeline.faces(from_rgb(sitter(name).image))[0].embedding for name in ("obama2", "biden"))

    assert judge(challenge, answer, ANSWERED, enrolled=mine).passed
    assert judge(challenge, answer, ANSWERED, enrolled=another).refusals == (Refusal.PERSON_CHANGED,)


def test_a_tint_laid_over_the_whole_picture_is_no_reflection_of_a_face(
    sitter: Callable[[str], Sitter], pipeline: Pipeline
) -> None:
    challenge = drawn(1, StepKind.TURN_LEFT, StepKind.CLOSE_EYES)
    frames, times = perform(sitter("obama"), challenge, acted=_without_light(challenge))
    tinted = [_tinted(frame, challenge, at) for frame, at in zip(frames, times, strict=True)]

    answer = observe(pipeline, tinted, times, nonce=challenge.nonce, session=SESSION)

    assert judge(challenge, answer, ANSWERED).refusals == (Refusal.REFLECTION_EVERYWHERE,)


def _without_light(challenge: Challenge) -> Callable[[float], Moment]:
    acted = performance(challenge)
    return lambda at: replace(acted(at), light=(0.0, 0.0, 0.0))


def _tinted(frame: Frame, challenge: Challenge, at: float) -> Frame:
    number = challenge.step_at(at)
    step = challenge.steps[number or 0]
    if not step.colours:
        return frame
    light = np.array(step.colour(at - challenge.begins(number or 0)).light)
    return from_rgb(np.asarray(np.minimum(frame * (1.0 + 0.08 * light), 255), dtype=np.uint8))


@pytest.mark.parametrize("times", [[0.0, 0.0], [1.0, 0.5], [0.0], [0.0, float("nan")]])
def test_times_that_fit_no_frames_are_refused(pipeline: Pipeline, times: list[float]) -> None:
    frames = [from_rgb(np.zeros((64, 64, 3), dtype=np.uint8))] * 2

    with pytest.raises(ValueError, match="answer"):
        observe(pipeline, frames, times, nonce="", session="")


def test_frames_without_a_face_are_counted_and_not_seen(pipeline: Pipeline) -> None:
    frames = [from_rgb(np.zeros((64, 64, 3), dtype=np.uint8))] * 3

    answer = observe(pipeline, frames, [0.0, 1.0, 2.0], nonce="n", session="s")

    assert (answer.sent, answer.seen) == (3, ())


def test_yaw_is_positive_when_the_nose_goes_right(good: tuple[Challenge, Answer]) -> None:
    look = good[1].seen[0].look
    right, left = look.face.landmarks.copy(), look.face.landmarks.copy()
    right[2, 0] += 20
    left[2, 0] -= 20

    assert yaw(replace(look, face=replace(look.face, landmarks=right))) > yaw(look)
    assert yaw(replace(look, face=replace(look.face, landmarks=left))) < yaw(look)


@given(st.integers(0, 2**64))
def test_every_challenge_asks_for_two_acts_and_flashes_and_fits_its_limits(seed: int) -> None:
    challenge = Challenge.draw(Random(seed), AT, session=SESSION)

    kinds = [step.kind for step in challenge.steps]
    flashes = next(step for step in challenge.steps if step.kind is StepKind.FLASHES)
    assert len(set(kinds)) == 3
    assert len(flashes.colours) == COLOURS
    assert all(one is not two for one, two in zip(flashes.colours, flashes.colours[1:], strict=False))
    assert COLOURS / flashes.seconds <= 3.0  # WCAG 2.2, success criterion 2.3.1
    times = challenge.looks_at()
    assert len(times) == MOST_LOOKS
    assert TURNS & set(kinds)
    assert list(times) == sorted(set(times))
    assert [challenge.step_at(at) for at in times] == sorted(challenge.step_at(at) or 0 for at in times)
    assert Challenge.from_document(json.loads(json.dumps(challenge.to_document()))) == challenge


def test_challenges_differ_in_nonce_acts_and_colours() -> None:
    rng = Random(7)
    challenges = [Challenge.draw(rng, AT, session=SESSION) for _ in range(400)]

    assert len({challenge.nonce for challenge in challenges}) == 400
    assert {step.kind for challenge in challenges for step in challenge.steps} == set(StepKind)
    assert len({tuple(step.kind for step in challenge.steps) for challenge in challenges}) == 30
    colours = {step.colours for challenge in challenges for step in challenge.steps if step.colours}
    assert len(colours) > 395


def test_a_step_shows_its_colours_one_after_the_other() -> None:
    step = Step(StepKind.FLASHES, 2.0, 4, (Colour.RED, Colour.GREEN, Colour.BLUE, Colour.RED))

    assert [step.colour(at) for at in (-0.1, 0.0, 0.49, 0.5, 1.2, 1.9, 9.0)] == [
        Colour.RED, Colour.RED, Colour.RED, Colour.GREEN, Colour.BLUE, Colour.RED, Colour.RED,
    ]  # fmt: skip


def test_an_answer_speaks_for_or_against_a_person_by_the_odds_of_meeting_the_flashes_by_chance() -> None:
    passed, failed = ChallengeVerdict(()), ChallengeVerdict((Refusal.NO_REFLECTION,))

    assert passed.evidence().method == "challenge"
    assert passed.evidence().score == pytest.approx(5.05, abs=0.01)
    assert failed.evidence().score == -passed.evidence().score
