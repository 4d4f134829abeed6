import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from accounts.models import Operator
from core.epochs import Topic, bump, versions
from recsys.serving.protocol import RankerProtocol
from recsys.serving.ranker import Ranker, UnreadableModel
from recsys.serving.uniform import UniformRanker
from registry import serving
from registry.canary import takes_part
from registry.files import path_of
from registry.models import ModelVersion
from registry.selectors import Lineup
from registry.services import activate, retire, rollback, start_canary, start_shadow
from registry.serving import Rankers, active_ranker, on_trial, ranker_for, status, wait_until_loaded

pytestmark = pytest.mark.django_db
Train = Callable[..., ModelVersion]
Score = Callable[[RankerProtocol], float]


def ranker_now(operator_id: UUID) -> RankerProtocol:
    """The ranker of a request that comes after the loader has finished."""
    active_ranker(operator_id, versions(operator_id=operator_id))
    wait_until_loaded(operator_id)
    return active_ranker(operator_id, versions(operator_id=operator_id))


@pytest.fixture
def activated(operator: Operator) -> Callable[[ModelVersion], None]:
    def let_serve(version: ModelVersion) -> None:
        activate(operator_id=operator.id, version_id=version.id, actor="member:one")

    return let_serve


def test_before_any_model_the_uniform_ranker_serves(operator: Operator) -> None:
    assert active_ranker(operator.id, {}) == UniformRanker()
    assert status(operator.id) == serving.Status(active=None, serving="uniform", loading=False, problem="")


def test_the_first_call_of_a_process_loads_within_the_request(
    operator: Operator, trained: Train, activated: Callable[[ModelVersion], None], score: Score
) -> None:
    version = trained(0.25)
    activated(version)

    ranker = active_ranker(operator.id, versions(operator_id=operator.id))

    assert ranker.version == version.file_digest
    assert score(ranker) == 0.25


def test_the_request_that_notices_a_new_version_is_served_by_the_old_one(
    operator: Operator, trained: Train, activated: Callable[[ModelVersion], None], score: Score
) -> None:
    activated(trained(0.25))
    active_ranker(operator.id, versions(operator_id=operator.id))
    activated(trained(0.5))
    release = threading.Event()
    rankers = Rankers(lambda digest: (release.wait(60), Ranker.load(path_of(digest), digest))[1])
    release.set()
    rankers.active(operator.id, 0)
    release.clear()
    rollback(operator_id=operator.id, actor="member:one")

    noticing = rankers.active(operator.id, 9)
    during = rankers.active(operator.id, 9)
    assert rankers.loading(operator.id)
    release.set()
    rankers.wait(operator.id)
    after = rankers.active(operator.id, 9)

    assert [score(ranker) for ranker in (noticing, during, after)] == [0.5, 0.5, 0.25]
    assert not rankers.loading(operator.id)


def test_warm_requests_ask_the_database_nothing(
    operator: Operator,
    trained: Train,
    activated: Callable[[ModelVersion], None],
    django_assert_num_queries: Callable[[int], object],
) -> None:
    activated(trained())
    epochs = versions(operator_id=operator.id)
    active_ranker(operator.id, epochs)

    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        active_ranker(operator.id, epochs)


def test_an_epoch_that_moved_costs_one_query_and_no_second_load(
    operator: Operator,
    trained: Train,
    activated: Callable[[ModelVersion], None],
    django_assert_num_queries: Callable[[int], object],
) -> None:
    activated(trained())
    before = active_ranker(operator.id, versions(operator_id=operator.id))
    bump(operator_id=operator.id, topic=Topic.MODELS)
    epochs = versions(operator_id=operator.id)

    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        after = active_ranker(operator.id, epochs)
        active_ranker(operator.id, epochs)

    assert after is before


def remove(path: Path) -> None:
    path.unlink()


def exchange(path: Path) -> None:
    path.write_bytes(b"another file")


@pytest.mark.parametrize("damage", [remove, exchange])
def test_a_damaged_file_leaves_the_previous_ranker_in_place(
    operator: Operator,
    trained: Train,
    activated: Callable[[ModelVersion], None],
    score: Score,
    damage: Callable[[Path], None],
) -> None:
    activated(trained(0.25))
    ranker_now(operator.id)
    challenger = trained(0.5)
    activated(challenger)
    damage(path_of(challenger.file_digest))

    ranker = ranker_now(operator.id)

    seen = status(operator.id)
    assert score(ranker) == 0.25
    assert seen.active is not None
    assert seen.active.version_id == challenger.id
    assert seen.serving == ranker.version
    assert challenger.file_digest[:12] in seen.problem


@pytest.mark.parametrize("damage", [remove, exchange])
def test_a_damaged_first_file_leaves_the_uniform_ranker(
    operator: Operator, trained: Train, activated: Callable[[ModelVersion], None], damage: Callable[[Path], None]
) -> None:
    version = trained()
    activated(version)
    damage(path_of(version.file_digest))

    assert active_ranker(operator.id, versions(operator_id=operator.id)) == UniformRanker()
    assert status(operator.id).problem


def test_a_model_that_onnxruntime_refuses_leaves_the_previous_ranker(operator: Operator, trained: Train) -> None:
    loaded: list[str] = []

    def load(digest: str) -> RankerProtocol:
        loaded.append(digest)
        if len(loaded) > 1:
            raise UnreadableModel("onnxruntime cannot load the model")
        return UniformRanker(0.5, digest)

    rankers = Rankers(load)
    first, second = trained(0.25), trained(0.5)
    activate(operator_id=operator.id, version_id=first.id, actor="member:one")
    rankers.active(operator.id, 1)
    activate(operator_id=operator.id, version_id=second.id, actor="member:one")
    rankers.active(operator.id, 2)
    rankers.wait(operator.id)

    assert rankers.active(operator.id, 2).version == first.file_digest
    assert loaded == [first.file_digest, second.file_digest]


def test_a_file_that_comes_late_is_loaded_after_a_while(
    operator: Operator,
    trained: Train,
    activated: Callable[[ModelVersion], None],
    score: Score,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = trained(0.25)
    activated(version)
    path = path_of(version.file_digest)
    content = path.read_bytes()
    path.unlink()
    monkeypatch.setattr(serving, "RETRY_SECONDS", 0.0)
    assert ranker_now(operator.id).version == "uniform"
    path.write_bytes(content)

    assert score(ranker_now(operator.id)) == 0.25
    assert status(operator.id).problem == ""


def test_each_operator_has_its_own_ranker(
    operator: Operator, other_operator: Operator, trained: Train, activated: Callable[[ModelVersion], None]
) -> None:
    activated(trained())

    assert active_ranker(operator.id, {}).version != "uniform"
    assert active_ranker(other_operator.id, {}).version == "uniform"


@pytest.fixture
def stopping() -> Iterator[threading.Event]:
    stop = threading.Event()
    yield stop
    stop.set()


def test_no_request_fails_while_models_are_activated_back_and_forth(
    operator: Operator,
    trained: Train,
    activated: Callable[[ModelVersion], None],
    score: Score,
    stopping: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The threads stand for requests of other connections; what they would read from the database is handed to them.
    low, high = trained(0.25), trained(0.5)
    activated(low)
    pointer = {"epoch": 1, "digest": low.file_digest}
    monkeypatch.setattr(serving, "_wanted", lambda operator_id: Lineup(champion=str(pointer["digest"])))
    active_ranker(operator.id, {Topic.MODELS: 1})
    seen: dict[float, int] = {}
    failures: list[BaseException] = []
    both = threading.Event()

    def request() -> None:
        while not stopping.is_set():
            try:
                ranker = active_ranker(operator.id, {Topic.MODELS: int(pointer["epoch"])})
                answer = score(ranker)
                assert answer == {low.file_digest: 0.25, high.file_digest: 0.5}[ranker.version]
            except BaseException as error:
                failures.append(error)
                return
            seen[answer] = seen.get(answer, 0) + 1
            if len(seen) == 2:
                both.set()

    threads = [threading.Thread(target=request) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(2, 22):
        version = high if turn % 2 == 0 else low
        activated(version)
        pointer.update(digest=version.file_digest)
        pointer.update(epoch=turn)
    both.wait(60)
    stopping.set()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sorted(seen) == [0.25, 0.5]
    assert score(ranker_now(operator.id)) == 0.25


def test_a_canary_decides_at_the_screens_that_take_part_and_nothing_is_asked_for_it(
    operator: Operator,
    trained: Train,
    activated: Callable[[ModelVersion], None],
    score: Score,
    django_assert_num_queries: Callable[[int], object],
) -> None:
    activated(trained(0.25))
    version = start_canary(operator_id=operator.id, version_id=trained(0.5).id, actor="member:one", share=0.5)
    ranker_now(operator.id)
    epochs = versions(operator_id=operator.id)
    screens = [UUID(int=number) for number in range(40)]

    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        scores = [score(ranker_for(operator.id, epochs, screen)) for screen in screens]

    assert scores == [0.5 if takes_part(screen, version.id, 0.5) else 0.25 for screen in screens]
    assert set(scores) == {0.25, 0.5}


def test_the_end_of_a_canary_reaches_every_process_with_the_next_request(
    operator: Operator, trained: Train, activated: Callable[[ModelVersion], None], score: Score
) -> None:
    activated(trained(0.25))
    version = start_canary(operator_id=operator.id, version_id=trained(0.5).id, actor="member:one", share=1.0)
    ranker_now(operator.id)
    before = score(ranker_for(operator.id, versions(operator_id=operator.id), UUID(int=1)))

    retire(operator_id=operator.id, version_id=version.id, actor="member:one")
    ranker_now(operator.id)

    assert before == 0.5
    assert score(ranker_for(operator.id, versions(operator_id=operator.id), UUID(int=1))) == 0.25
    assert on_trial(operator.id) is None


@pytest.mark.parametrize("damage", [remove, exchange])
def test_a_canary_that_cannot_be_loaded_leaves_its_screens_to_the_champion(
    operator: Operator,
    trained: Train,
    activated: Callable[[ModelVersion], None],
    score: Score,
    damage: Callable[[Path], None],
) -> None:
    activated(trained(0.25))
    ranker_now(operator.id)
    version = start_canary(operator_id=operator.id, version_id=trained(0.5).id, actor="member:one", share=1.0)
    damage(path_of(version.file_digest))

    ranker_now(operator.id)

    assert score(ranker_for(operator.id, versions(operator_id=operator.id), UUID(int=1))) == 0.25
    assert "is not tried" in status(operator.id).problem


def test_a_version_that_is_promoted_is_not_loaded_again(operator: Operator, trained: Train) -> None:
    loaded: list[str] = []

    def load(digest: str) -> RankerProtocol:
        loaded.append(digest)
        return UniformRanker(0.5, digest)

    rankers, epoch = Rankers(load), 0
    first, second = trained(0.25), trained(0.5)
    steps = [
        lambda: activate(operator_id=operator.id, version_id=first.id, actor="member:one"),
        lambda: start_shadow(operator_id=operator.id, version_id=second.id, actor="member:one"),
        lambda: start_canary(operator_id=operator.id, version_id=second.id, actor="member:one"),
        lambda: activate(operator_id=operator.id, version_id=second.id, actor="member:one"),
    ]
    for epoch, step in enumerate(steps, start=1):
        step()
        rankers.active(operator.id, epoch)
        rankers.wait(operator.id)

    assert rankers.active(operator.id, epoch).version == second.file_digest
    assert loaded == [first.file_digest, second.file_digest]
