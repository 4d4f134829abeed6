"""An answer that is sent again does not count: the memory of one process."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from faceid.liveness.answer import Answer, judge
from faceid.liveness.answered import Answered
from faceid.liveness.challenge import Challenge
from faceid.liveness.refusal import Refusal

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def drawn(seed: int, at: datetime = AT) -> Challenge:
    return Challenge.draw(Random(seed), at, session="kiosk")


def test_a_challenge_counts_once_until_it_expires_and_not_after() -> None:
    answered, challenge = Answered(), drawn(1)

    said = [answered.use(challenge, AT + seconds * SECOND) for seconds in (20, 21, 89, 90, 500)]

    assert said == [
        None, Refusal.ANSWERED_BEFORE, Refusal.ANSWERED_BEFORE, Refusal.EXPIRED, Refusal.EXPIRED,
    ]  # fmt: skip
    assert answered.use(drawn(2), AT + 500 * SECOND) is Refusal.EXPIRED


def test_a_clock_that_goes_back_makes_no_answer_new() -> None:
    answered, challenge = Answered(most=1), drawn(1)
    answered.use(challenge, AT + 20 * SECOND)

    assert answered.use(drawn(2, AT + 100 * SECOND), AT + 120 * SECOND) is None
    assert answered.use(challenge, AT + 21 * SECOND) is Refusal.EXPIRED


def test_a_full_memory_forgets_the_expired_and_nobody_else() -> None:
    answered = Answered(most=2)
    first, second, third = (drawn(seed) for seed in range(3))

    assert [answered.use(one, AT + SECOND) for one in (first, second, third)] == [None, None, Refusal.TOO_MANY_ANSWERS]
    assert answered.use(first, AT + SECOND) is Refusal.ANSWERED_BEFORE
    assert len(answered) == 2
    assert answered.use(drawn(4, AT + 60 * SECOND), AT + 95 * SECOND) is None
    assert len(answered) == 1


def test_a_memory_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not 0"):
        Answered(most=0)


def test_of_many_threads_with_the_same_answer_one_is_heard() -> None:
    answered, challenges = Answered(), [drawn(seed) for seed in range(40)]

    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(lambda one: answered.use(one, AT + SECOND), challenges * 16))

    assert said.count(None) == len(challenges)
    assert set(said) == {None, Refusal.ANSWERED_BEFORE}


def test_an_answer_is_used_up_whatever_it_is_worth_and_one_to_something_else_is_not() -> None:
    answered, challenge = Answered(), drawn(1)
    empty, at = Answer(challenge.nonce, challenge.session, 0, ()), AT + 20 * SECOND

    said = [
        judge(challenge, one, at, answered=answered).refusals
        for one in (Answer("0" * 32, challenge.session, 0, ()), empty, empty)
    ]

    assert said == [(Refusal.NOT_THIS_CHALLENGE,), (Refusal.TOO_FEW_LOOKS,), (Refusal.ANSWERED_BEFORE,)]
    assert judge(challenge, empty, at).refusals == (Refusal.TOO_FEW_LOOKS,)
