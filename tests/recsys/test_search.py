"""The search for hyper-parameters, on a landscape that is known instead of trainings."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from recsys.training.configuration import KINDS, USES, NetworkConfig
from recsys.training.errors import BadRequest
from recsys.training.search import SPACE, Watch, search


def valley(config: NetworkConfig, watch: Watch) -> float:
    """Lowest where the penalty is 1e-3 and the deep kind is used; half way down after the first passes."""
    loss = 0.5 + 0.05 * abs(math.log10(config.penalty) + 3) + (0.1 if config.kind == "logistic" else 0.0)
    for number in range(6):
        watch(number, loss + 0.1 * (5 - number))
    return loss


def test_it_walks_down_the_valley():
    found = search(["deepfm", "logistic"], valley, trials=40, seed=1)

    assert found.config.kind == "deepfm"
    assert found.loss < min(found.usual.values())
    assert abs(math.log10(found.config.penalty) + 3) < 0.5
    assert len(found.tried) == 40


def test_the_usual_networks_are_tried_first():
    found = search(["deepfm", "dotdin"], valley, trials=2)

    assert [one.config for one in found.tried] == [NetworkConfig.of("deepfm"), NetworkConfig.of("dotdin")]
    assert set(found.usual) == {"deepfm", "dotdin"}


def test_trials_that_fall_behind_are_given_up_before_their_end():
    passes = []

    def counted(config: NetworkConfig, watch: Watch) -> float:
        def told(number: int, loss: float) -> None:
            passes.append(number)
            watch(number, loss)

        return valley(config, told)

    found = search(["deepfm"], counted, trials=30, seed=1)

    given_up = [one for one in found.tried if one.loss is None]
    assert given_up
    assert len(passes) < 30 * 6


def test_the_same_seed_tries_the_same():
    first, second = (search(["deepfm"], valley, trials=8, seed=5) for _ in range(2))

    assert [one.config for one in first.tried] == [one.config for one in second.tried]


def test_a_search_that_was_stopped_goes_on(tmp_path: Path):
    journal = tmp_path / "search.journal"
    evaluated = []

    def counted(config: NetworkConfig, watch: Watch) -> float:
        evaluated.append(config)
        return valley(config, watch)

    search(["deepfm"], counted, trials=3, journal=journal)
    found = search(["deepfm"], counted, trials=5, journal=journal)

    assert len(evaluated) == 5
    assert len(found.tried) == 5


@pytest.mark.parametrize(("kinds", "trials"), [([], 3), (["deepfm", "deepfm"], 3), (["deepfm", "din"], 1)])
def test_a_search_among_nothing_or_with_too_few_trials_is_refused(kinds: list[str], trials: int):
    with pytest.raises(BadRequest):
        search(kinds, valley, trials=trials)


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_of_every_kind_is_searched(kind: str):
    # whether creatives have pictures is known, not guessed, item-item weights are computed after the passes, and both
    # paces are tried by every training
    assert set(USES[kind]) - set(SPACE) <= {"picture", "item_item", "pace"}
    assert search([kind], valley, trials=3).tried[0].config == NetworkConfig.of(kind)


def test_the_document_tells_every_trial():
    document = search(["deepfm"], valley, trials=3).document()

    assert len(document["trials"]) == 3
    assert NetworkConfig.parse(document["network"]).digest == document["digest"]
