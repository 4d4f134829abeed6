"""Attention by cosines is what its docstring says, laid out viewer by viewer."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [pytest.mark.training]

VIEWERS, CANDIDATES, PLACES, WIDTHS = 4, 5, 6, (5, 3)
LENGTHS = np.array([6, 3, 0, 2])
PRESENT = (np.arange(PLACES) < LENGTHS[:, None]).astype(np.float32)[..., None]


def numbers(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def attended(query: np.ndarray, *histories: np.ndarray, projections: list[np.ndarray] | None = None) -> np.ndarray:
    """What the layer gives; the scales are .5, 1.5 and so on, the gains 1."""
    from recsys.training.networks.attention import GAIN_PACE, CosineAttention
    from recsys.training.tensorflow import tf

    layer, inputs = CosineAttention(), [tf.constant(values) for values in (query, *histories, PRESENT)]
    layer(inputs)
    assert not layer(inputs).numpy()[..., -len(histories) :].any(), "it begins as attention alone"
    layer.scales.assign(np.arange(len(histories)) + 0.5)
    layer.gains.assign(np.full(len(histories), 1 / GAIN_PACE))
    for weight, values in zip(layer.projections, projections or [], strict=False):
        weight.assign(values)
    return layer(inputs).numpy()


def test_it_is_a_softmax_of_scaled_cosines_and_the_mean_of_their_squares():
    query = numbers(1, CANDIDATES, sum(WIDTHS), seed=1)
    histories = [numbers(VIEWERS, PLACES, width, seed=width) for width in WIDTHS]
    projections = [numbers(width, width, seed=10 + width) for width in WIDTHS]

    found = attended(query, *histories, projections=projections)

    parts = [part @ matrix for part, matrix in zip(np.split(query[0], WIDTHS[:1], axis=1), projections, strict=True)]
    for viewer, length in enumerate(LENGTHS):
        kept = [history[viewer, :length] for history in histories]
        for candidate in range(CANDIDATES):
            if not length:
                assert not found[viewer, candidate].any()
                continue
            cosines = [
                keys @ part[candidate] / np.linalg.norm(keys, axis=1) / np.linalg.norm(part[candidate])
                for keys, part in zip(kept, parts, strict=True)
            ]
            weights = np.exp(0.5 * cosines[0] + 1.5 * cosines[1])
            average = weights @ np.concatenate(kept, axis=1) / weights.sum()
            near = [np.mean(np.maximum(cosine, 0) ** 2) for cosine in cosines]
            # Lengths of these vectors are far above what counts for little, but not infinitely far.
            np.testing.assert_allclose(found[viewer, candidate], [*average, *near], rtol=0.02, atol=0.002)


def test_a_history_of_nothing_but_the_candidate_is_as_near_as_can_be():
    query = numbers(1, CANDIDATES, 4, seed=1)
    histories = np.repeat(query[:, :1], PLACES, axis=1).repeat(VIEWERS, axis=0)

    near = attended(query, histories)[..., -1]

    np.testing.assert_allclose(near[[0, 1, 3], 0], 1, atol=0.002)
    assert not near[2].any()
    assert (near[[0, 1, 3], 1:] < 0.9).all()


def test_what_lies_behind_the_end_of_a_history_changes_nothing():
    query, histories = numbers(1, CANDIDATES, 4, seed=1), numbers(VIEWERS, PLACES, 4, seed=2)

    np.testing.assert_array_equal(attended(query, histories), attended(query, histories * PRESENT + 7 * (1 - PRESENT)))


def test_next_to_zero_it_moves_little_by_little():
    query, histories = numbers(1, CANDIDATES, 4, seed=1), numbers(VIEWERS, PLACES, 4, seed=2)
    histories /= np.linalg.norm(histories, axis=-1, keepdims=True)

    near = [attended(query, histories * length)[0, :, -1] for length in np.linspace(0, 0.3, 31, dtype=np.float32)]

    assert not near[0].any()
    assert np.abs(np.diff(near, axis=0)).max() < 0.2 * np.max(near)
