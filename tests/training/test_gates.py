"""What holds for the gates whatever the rows are."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys.training import metrics
from registry.terms import Gates
from training.gates.calibration import chance_error
from training.gates.checks import Rows, absolute_checks, relative_checks
from training.gates.resampling import (
    Difference,
    Figure,
    auc_figure,
    clusters_of,
    differences,
    gauc_figure,
    log_loss_figure,
    row_losses,
)

quick = settings(deadline=None, max_examples=25)
Floats = NDArray[np.float64]


@st.composite
def made(draw: st.DrawFn) -> Rows:
    size = draw(st.integers(4, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = (random.random(size) < 0.4).astype(np.float64)
    grid = draw(st.sampled_from([3, 10, 1000]))  # coarse grids tie
    scores = [(random.integers(1, grid + 1, size) / (grid + 1)).astype(np.float64) for _ in range(2)]
    return Rows(
        labels=labels, forecast=np.full(size, 0.4), challenger=scores[0], champion=scores[1],
        viewers=random.integers(-1, 5, size), cohorts={"scene=lobby": random.random(size) < 0.5}, coverage=(0.4, 0.5),
    )  # fmt: skip


def checks(rows: Rows, terms: Gates) -> dict[str, bool]:
    return {check.name: check.passes for check in absolute_checks(rows, terms) + relative_checks(rows, terms)}


@quick
@given(rows=made())
def test_nobody_is_worse_than_their_twin(rows: Rows) -> None:
    twin = replace(rows, champion=rows.challenger, coverage=(0.5, 0.5))

    assert all(check.passes for check in relative_checks(twin, Gates(cohort_rows=1)))


@quick
@given(rows=made(), by=st.floats(0.001, 1))
def test_whoever_passes_still_passes_on_looser_terms(rows: Rows, by: float) -> None:
    strict = Gates(cohort_rows=1)
    loose = replace(
        strict, log_loss_tolerance=strict.log_loss_tolerance + by, auc_tolerance=strict.auc_tolerance + by,
        gauc_tolerance=strict.gauc_tolerance + by, ece_ceiling=strict.ece_ceiling + by,
        ece_tolerance=strict.ece_tolerance + by, coverage_share=0.0, base_rate_margin=0.0,
        cohort_log_loss_tolerance=strict.cohort_log_loss_tolerance + by,
        cohort_auc_tolerance=strict.cohort_auc_tolerance + by,
    )  # fmt: skip
    before, after = checks(rows, strict), checks(rows, loose)

    assert {name for name, passes in before.items() if passes} <= {name for name, passes in after.items() if passes}


def figures(rows: Rows, one: Floats, other: Floats) -> list[Figure | None]:
    everything = np.ones(len(rows.labels), dtype=bool)
    return [
        log_loss_figure(rows.labels, one, other, everything),
        auc_figure(rows.labels, one, other, everything),
        gauc_figure(rows.labels, one, other, rows.viewers),
    ]


@quick
@given(rows=made())
def test_a_challenger_and_a_champion_that_change_places_change_signs(rows: Rows) -> None:
    assert rows.champion is not None
    there, back = figures(rows, rows.challenger, rows.champion), figures(rows, rows.champion, rows.challenger)

    for one, other in zip(there, back, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert one.value == pytest.approx(-other.value, abs=1e-12)
            assert one.influences == pytest.approx(-other.influences, abs=1e-12)


@quick
@given(rows=made())
def test_figures_are_those_of_the_metrics_and_influences_cancel_out(rows: Rows) -> None:
    assert rows.champion is not None
    pair, labels, viewers = (rows.challenger, rows.champion), rows.labels, rows.viewers
    losses, aucs = ([function(labels, scores) for scores in pair] for function in (metrics.log_loss, metrics.auc))
    gaucs = [metrics.grouped_auc(labels, scores, viewers) for scores in pair]

    for found, (one, other) in zip(figures(rows, *pair), (losses, aucs, gaucs), strict=True):
        if one is None or other is None:
            assert found is None
        else:
            assert found is not None
            assert found.value == pytest.approx(one - other, abs=1e-9)
            assert found.influences.sum() == pytest.approx(0, abs=1e-9)


@quick
@given(rows=made())
def test_rows_outside_a_cohort_have_no_influence_on_it(rows: Rows) -> None:
    assert rows.champion is not None
    mask = rows.cohorts["scene=lobby"]
    if not mask.any():
        return
    pair = (rows.labels, rows.challenger, rows.champion, mask)
    alone = np.ones(int(mask.sum()), dtype=bool)

    for figure in (log_loss_figure, auc_figure):
        found, apart = figure(*pair), figure(*(column[mask] for column in pair[:3]), alone)
        assert (found is None) == (apart is None)
        if found is not None and apart is not None:
            assert found.value == pytest.approx(apart.value)
            assert found.influences[mask] == pytest.approx(apart.influences)
            assert not found.influences[~mask].any()


def test_the_error_of_an_auc_is_the_one_its_full_bootstrap_has() -> None:
    random = np.random.default_rng(13)
    size = 600
    chances = random.beta(2, 4, size)
    labels = (random.random(size) < chances).astype(np.float64)
    one, other = (np.clip(chances + random.normal(0, spread, size), 0.01, 0.99) for spread in (0.05, 0.2))
    figure = auc_figure(labels, one, other, np.ones(size, dtype=bool))
    assert figure is not None

    [found] = differences([figure], np.full(size, -1), 7)

    again = []
    for _ in range(300):
        drawn = random.integers(0, size, size)
        both = [metrics.auc(labels[drawn], scores[drawn]) for scores in (one, other)]
        assert both[0] is not None
        assert both[1] is not None
        again.append(both[0] - both[1])
    assert found.error == pytest.approx(np.std(again), rel=0.2)


def test_rows_of_one_viewer_make_less_sure_than_as_many_of_different_viewers() -> None:
    random = np.random.default_rng(1)
    gains = np.repeat(random.normal(0, 1, 50), 20)
    figure = Figure(float(gains.mean()), (gains - gains.mean()) / len(gains))

    [alike], [apart] = (differences([figure], whose, 3) for whose in (np.repeat(np.arange(50), 20), np.full(1000, -1)))

    assert alike.error == pytest.approx(apart.error * np.sqrt(20), rel=0.2)


@quick
@given(clusters=st.lists(st.integers(-1, 4), min_size=1, max_size=30))
def test_clusters_are_numbered_and_nobodys_rows_stand_alone(clusters: list[int]) -> None:
    given_clusters = np.array(clusters, dtype=np.intp)
    whose = clusters_of(given_clusters)

    assert sorted(set(whose.tolist())) == list(range(len({c for c in clusters if c >= 0}) + clusters.count(-1)))
    for cluster in {c for c in clusters if c >= 0}:
        assert len(set(whose[given_clusters == cluster].tolist())) == 1


def test_the_bootstrap_knows_the_standard_error_of_a_mean() -> None:
    random = np.random.default_rng(11)
    labels = (random.random(5_000) < 0.3).astype(np.float64)
    one, other = np.full(5_000, 0.3), np.full(5_000, 0.35)
    losses = row_losses(labels, one) - row_losses(labels, other)

    [found] = differences([log_loss_figure(labels, one, other, np.ones(5_000, dtype=bool))], np.full(5_000, -1), 3)

    assert found.error == pytest.approx(losses.std() / np.sqrt(5_000), rel=0.15)
    assert found.interval() == pytest.approx(
        (found.value - 1.96 * found.error, found.value + 1.96 * found.error), rel=1e-3
    )


def test_an_interval_widens_with_its_level() -> None:
    difference = Difference(0.1, 0.02)

    assert difference.interval(0.99)[0] < difference.interval(0.95)[0] < 0.1


def test_chance_explains_the_error_of_calibrated_scores_nineteen_times_in_twenty() -> None:
    random = np.random.default_rng(2)
    scores = random.beta(2, 5, 800)
    ceiling = chance_error(scores)

    errors = [metrics.expected_calibration_error(random.random(800) < scores, scores) for _ in range(400)]

    assert 0.9 < np.mean(np.array(errors) <= ceiling) < 0.99
