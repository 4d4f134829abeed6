import threading

import pytest

from training.errors import RunTakenAway
from training.heartbeat import Heartbeat


@pytest.mark.django_db
def test_whoever_watches_is_told_every_step_and_the_database_the_last() -> None:
    written: list[dict[str, object]] = []
    seen: list[tuple[str, int, int, str]] = []
    wrote = threading.Event()

    def beat(progress: dict[str, object]) -> bool:
        written.append(progress)
        if progress:
            wrote.set()
        return True

    with Heartbeat(beat, lambda *step: seen.append(step)) as heartbeat:
        heartbeat.tell("din", 1, 6, "validation log loss 0.61")
        heartbeat.tell("din", 2, 6, "validation log loss 0.60")
        assert wrote.wait(20)

    assert seen == [("din", 1, 6, "validation log loss 0.61"), ("din", 2, 6, "validation log loss 0.60")]
    assert written[-1]["stage"] == "din"


@pytest.mark.django_db
def test_a_run_that_was_taken_away_is_noticed() -> None:
    asked = threading.Event()

    def gone(progress: dict[str, object]) -> bool:
        asked.set()
        return False

    with Heartbeat(gone) as heartbeat:
        assert asked.wait(20)
        heartbeat._thread.join(20)
        with pytest.raises(RunTakenAway):
            heartbeat.check()
