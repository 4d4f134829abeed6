"""A private training: bounded contributions, noise of the right size, terms that are kept, something learnt."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from recsys.features import FeatureSpec, Feeds
from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import Examples
from recsys.training.errors import BadRequest
from recsys.training.metrics import auc
from recsys.training.private.terms import PrivacyTerms

pytestmark = pytest.mark.training

CONFIG = NetworkConfig.of("logistic", forgetting=0.0, omission=0.0, penalty=0.0)
CLIP = 0.05


@dataclass(frozen=True, slots=True)
class Stepping:
    """A network and its private step."""

    network: Any
    step: Any


@pytest.fixture(scope="module")
def stepping(small_spec: FeatureSpec) -> Stepping:
    from recsys.training.networks import build
    from recsys.training.private.step import PrivateStep

    network = build(CONFIG, small_spec, 3)
    return Stepping(network, PrivateStep(network, small_spec, CLIP))


@pytest.fixture(scope="module")
def folded(small_spec: FeatureSpec) -> Any:
    from recsys.training.private.folded import build

    return build(NetworkConfig.of("logistic", forgetting=0.0, omission=0.0), small_spec, 3)


def _length(gradients: list[Any]) -> float:
    return float(np.sqrt(sum((np.asarray(each, np.float64) ** 2).sum() for each in gradients)))


@pytest.mark.parametrize("seed", range(5))
def test_no_unit_adds_more_than_the_bound(stepping: Stepping, people: Examples, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.integers(0, len(people), random.integers(1, 9))

    alone, norms = stepping.step.clipped_sum(people.feeds, people.labels, rows, np.array([0, len(rows)]))

    assert norms[0] > CLIP
    assert _length(alone) == pytest.approx(CLIP, rel=1e-4)


def test_units_are_clipped_one_by_one_and_added(stepping: Stepping, people: Examples) -> None:
    rows, starts = np.arange(9), np.array([0, 2, 5, 9])
    call = stepping.step.clipped_sum

    together, norms = call(people.feeds, people.labels, rows, starts)
    alone = [
        call(people.feeds, people.labels, rows[a:b], np.array([0, b - a]))[0] for a, b in itertools.pairwise(starts)
    ]

    assert len(norms) == 3
    for found, *parts in zip(together, *alone, strict=True):
        np.testing.assert_allclose(found, np.sum(parts, axis=0), atol=1e-7)


def test_a_short_gradient_is_left_as_it_is(people: Examples, stepping: Stepping, small_spec: FeatureSpec) -> None:
    from recsys.training.private.step import PrivateStep
    from recsys.training.tensorflow import tf
    from recsys.training.unlearning.learner import log_losses

    feeds: Feeds = {name: ids[:4] for name, ids in people.feeds.items()}
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(log_losses(stepping.network, feeds, tf.constant(people.labels[:4])))
    expected = [tf.convert_to_tensor(each) for each in tape.gradient(loss, stepping.network.trainable_variables)]

    step = PrivateStep(stepping.network, small_spec, 1_000.0)
    found, norms = step.clipped_sum(people.feeds, people.labels, np.arange(4), np.array([0, 4]))

    assert norms[0] == pytest.approx(_length(expected), rel=1e-5)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


def test_a_step_that_drew_nobody_is_still_noise(stepping: Stepping, people: Examples) -> None:
    from recsys.training.private.step import with_noise

    sums, norms = stepping.step.clipped_sum(people.feeds, people.labels, np.zeros(0, np.int64), np.array([0]))
    noisy = with_noise(sums, noise=1.0, clip=CLIP, expected=10.0, random=np.random.default_rng(1))

    assert len(norms) == 0
    assert _length(sums) == 0.0
    assert _length(noisy) > 0.0


def test_every_row_of_every_table_gets_noise_of_the_same_size() -> None:
    from recsys.training.private.step import with_noise

    tables = [np.zeros((400, 50), np.float32), np.zeros((20_000,), np.float32)]

    noisy = with_noise(tables, noise=2.0, clip=0.5, expected=10.0, random=np.random.default_rng(1))

    for table in noisy:
        assert table.std() == pytest.approx(0.1, rel=0.03)
        assert abs(table.mean()) < 0.003
    assert noisy[0].std(axis=1).min() > 0.05
    assert np.unique(noisy[0]).size > 19_000


def test_folded_inputs_are_the_usual_ones_and_nobody_has_a_row(folded: Any, people: Examples) -> None:
    tables = {weight.name: weight.shape for weight in folded.trainable_weights}
    feeds = {name: ids[:50] for name, ids in people.feeds.items()}
    somebody = feeds | {"viewer": np.where(feeds["viewer"] > 0, 1, 0).astype(np.int32)}

    assert [tuple(shape) for name, shape in tables.items() if name.startswith("viewer")] == [(2, 1)]
    assert set(folded.input) == set(people.feeds)
    np.testing.assert_array_equal(folded(feeds), folded(somebody))


def test_ids_are_folded_by_remainders_and_the_absent_word_stays() -> None:
    from recsys.training.private.folded import Fold

    ids = np.array([[0, 1, 6, 7, 12, 13]], dtype=np.int32)

    assert Fold(7)(ids).numpy().tolist() == [[0, 1, 6, 1, 6, 1]]
    assert Fold(2)(ids).numpy().tolist() == [[0, 1, 1, 1, 1, 1]]


def test_a_folded_network_is_exported_as_any_other(
    folded: Any, people: Examples, small_spec: FeatureSpec, tmp_path: Any
) -> None:
    from recsys.serving.metadata import Calibration, ModelMetadata
    from recsys.training.export import export

    metadata = ModelMetadata("logistic", small_spec.digest, "data", "2026-01-01T00:00:00+00:00", Calibration())

    assert export(folded, feeds=people.feeds, metadata=metadata, output=tmp_path).parity < 1e-5


def test_a_private_training_keeps_its_terms_and_learns(folded: Any, people: Examples, small_spec: FeatureSpec) -> None:
    from recsys.training.fit import score
    from recsys.training.private.accountant import epsilon_of
    from recsys.training.private.fit import fit_privately

    train, test = people.take(np.arange(2_500)), people.take(np.arange(2_500, 3_000))
    terms = PrivacyTerms(epsilon=8.0, unit="row", per_step=250, passes=4, learning_rate=2.0)
    told: list[str] = []

    report = fit_privately(
        folded, train, small_spec, terms, entropy=1, progress=lambda stage, done, of, message: told.append(message)
    )

    assert report.epsilon <= 8.0
    assert report.epsilon == epsilon_of(
        report.noise, sampling_rate=report.sampling_rate, steps=report.steps, delta=1e-5
    )
    assert (report.units, report.steps, report.sampling_rate) == (2_500, 40, 0.1)
    assert report.parameters == sum(int(np.prod(weight.shape)) for weight in folded.trainable_weights)
    assert 0.0 <= report.clipped <= 1.0
    assert told[-1] == f"epsilon {report.epsilon:.3f} of 8"
    assert (auc(test.labels, score(folded, test)) or 0) > 0.5


def test_terms_out_of_reach_are_refused_before_a_weight_moves(
    folded: Any, people: Examples, small_spec: FeatureSpec
) -> None:
    from recsys.training.private.fit import PrivacyUnreachable, fit_privately

    before = [np.array(weight) for weight in folded.get_weights()]

    with pytest.raises(PrivacyUnreachable, match="take fewer passes, or a larger epsilon"):
        fit_privately(folded, people, small_spec, PrivacyTerms(epsilon=1e-7, passes=1_000))

    assert all((ours == theirs).all() for ours, theirs in zip(before, folded.get_weights(), strict=True))


@pytest.mark.parametrize(
    "wrong",
    [{"epsilon": 0}, {"epsilon": 101}, {"delta": 0}, {"delta": 0.5}, {"unit": "row "}, {"clip": 0}, {"passes": -1},
     {"clip": float("nan")}, {"learning_rate": float("inf")}],
)  # fmt: skip
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=next(iter(wrong))):
        PrivacyTerms(**{"epsilon": 1.0, **wrong})
