import os
import threading
from collections.abc import Callable

import pytest

from faceid.search.crew import Crew


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("count", [0, 1, 3, 200])
def test_every_task_runs_once(threads: int, count: int):
    done: list[int] = []

    Crew(threads).work(done.append, count)

    assert sorted(done) == list(range(count))


def test_threads_work_at_the_same_time():
    both = threading.Barrier(2, timeout=10)  # passed only if two threads are inside at once

    Crew(2).work(lambda _: both.wait(), 2)

    assert not both.broken


def test_one_thread_works_in_order_of_numbers_and_in_the_thread_that_asks():
    done: list[tuple[int, int]] = []

    Crew(1).work(lambda number: done.append((number, threading.get_ident())), 3)

    assert done == [(number, threading.get_ident()) for number in range(3)]


@pytest.mark.parametrize("failing", [0, 7])
def test_an_error_of_any_task_reaches_who_asked_and_the_crew_goes_on(failing: int):
    crew, done = Crew(3), list[int]()

    def task(number: int) -> None:
        if number == failing:
            raise KeyError(number)

    with pytest.raises(KeyError):
        crew.work(task, 8)
    crew.work(done.append, 8)

    assert sorted(done) == list(range(8))


def test_a_crew_that_is_busy_with_another_search_delays_nobody():
    crew, free, entered = Crew(2), threading.Event(), threading.Semaphore(0)
    blocked: Callable[[int], object] = lambda _: (entered.release(), free.wait(10))  # noqa: E731
    other = threading.Thread(target=crew.work, args=(blocked, 2))
    other.start()
    assert entered.acquire(timeout=10)
    assert entered.acquire(timeout=10)
    done: list[int] = []

    crew.work(done.append, 5)

    assert sorted(done) == list(range(5))
    free.set()
    other.join()


@pytest.mark.parametrize("before", [0, 1])
def test_the_caller_stays_on_its_processor_and_the_others_keep_off_it_until_the_work_is_done(before: int):
    allowed, crew, seen = os.sched_getaffinity(0), Crew(2), dict[int, set[int]]()
    both = threading.Barrier(2, timeout=10)

    def task(_: int) -> None:
        both.wait()
        seen[threading.get_ident()] = os.sched_getaffinity(0)

    for _ in range(before + 1):
        seen.clear()
        crew.work(task, 2)

    mine = seen.pop(threading.get_ident())
    # Where there is one processor alone, all share it.
    assert mine == allowed if len(allowed) == 1 else len(mine) == 1
    assert list(seen.values()) == [allowed - mine or allowed]
    assert os.sched_getaffinity(0) == allowed


def test_processors_that_cannot_be_chosen_and_failures_leave_the_caller_where_it_may_go(
    monkeypatch: pytest.MonkeyPatch,
):
    allowed, crew, done = os.sched_getaffinity(0), Crew(2), list[int]()

    def fail(_: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        crew.work(fail, 4)
    assert os.sched_getaffinity(0) == allowed

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    crew.work(done.append, 4)

    assert sorted(done) == [0, 1, 2, 3]
