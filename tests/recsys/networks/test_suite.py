"""What every kind of network does; a kind that is added has to pass this as it is."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import onnx
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from recsys.features import Feature, FeatureSpec, ForbiddenFeature
from recsys.serving.calibration import Calibration
from recsys.serving.metadata import ModelMetadata
from recsys.serving.ranker import Ranker, SpecMismatch, open_session
from recsys.training.configuration import KINDS, USES, NetworkConfig
from recsys.training.metrics import auc

from .conftest import CREATIVES, HISTORY, SMALL, SPEC, category_of, choice_of, lovers_of, part

pytestmark = [pytest.mark.training]

LINEAR = {"logistic"}
"""Kinds that cannot tell who wants what, only what is wanted."""
EVERYTHING = range(1, CREATIVES + 1)


MADE = [*((kind, 0) for kind in KINDS), ("dotdin", CREATIVES), ("mmoe", 4)]
"""Kinds, and the rank of their item-item weights."""


@pytest.fixture(scope="module", params=MADE, ids=lambda made: f"{made[0]}+{made[1]}" if made[1] else made[0])
def made(request):
    return request.param


@pytest.fixture(scope="module")
def kind(made):
    return made[0]


@pytest.fixture(scope="module")
def network(made, trained):
    return trained(*made)


@pytest.fixture(scope="module")
def content(network, kind):
    """The network's exported file."""
    from recsys.training.export import convert

    return convert(network, ModelMetadata(kind, SPEC.digest, "data", "2026-01-01T00:00:00+00:00", Calibration()))


@pytest.fixture(scope="module")
def session(content):
    return open_session(content)


def scores_for(session, viewer, candidates):
    return session.run(None, viewer | candidates)[0]


def test_it_learns_what_was_planted(network, kind, split):
    from recsys.training.fit import score

    found = auc(split.test.labels, score(network, split.test))

    assert found > (0.6 if kind in LINEAR else 0.75)


def test_the_same_seed_makes_the_same_network_and_another_another(made):
    from recsys.training.networks import build
    from recsys.training.task import Task
    from recsys.training.tensorflow import seed_everything, tf

    batch, (kind, rank) = part(64, 4), made
    small = {name: value for name, value in SMALL.items() if name in USES[kind]}
    config = NetworkConfig.of(kind, item_item=rank, **small)

    def once(seed):
        seed_everything(seed)
        network = build(config, SPEC, seed)
        task = Task.of(network)
        with tf.GradientTape() as tape:
            found = task.learner(batch.feeds, training=True)
            loss = tf.reduce_mean(task.loss(task.targets(batch.labels, batch.tasks), found))
        slopes = tape.gradient(loss, task.learner.trainable_weights)
        return [float(tf.reduce_sum(tf.abs(tf.convert_to_tensor(slope)))) for slope in slopes], network.get_weights()

    (first, weights), (second, again), (third, others) = once(1), once(1), once(2)

    np.testing.assert_allclose(first, second, rtol=1e-5)
    for one, same in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, same)
    assert not np.allclose(first, third, rtol=1e-3)
    assert any(np.abs(one - other).max() > 1e-3 for one, other in zip(weights, others, strict=True))


def test_the_file_computes_what_the_network_does_for_rows_and_for_decisions(network, session, split):
    rows = {name: ids[:50] for name, ids in split.test.feeds.items()}
    viewers = {name: ids[:3] for name, ids in split.test.feeds.items()}
    candidates = choice_of([3, 8, 21, 30, 5])
    flat = {name: np.repeat(ids, 5, axis=0) for name, ids in (viewers | candidates).items() if name not in candidates}
    flat |= {name: np.tile(ids.reshape(-1, 1), (3, 1)) for name, ids in candidates.items()}

    np.testing.assert_allclose(session.run(None, rows)[0], network(rows), atol=1e-5)
    decided = session.run(None, viewers | candidates)[0]
    assert decided.shape == (3, 5)
    np.testing.assert_allclose(decided, np.reshape(network(flat), (3, 5)), atol=1e-5)
    np.testing.assert_allclose(decided, network(viewers | candidates), atol=1e-5)
    assert decided.std() > 1e-3


def test_the_file_says_what_it_is_and_holds_no_loop(network, session, content, kind):
    said = session.get_modelmeta().custom_metadata_map

    assert said["vitrine.kind"] == kind
    assert said["vitrine.graph"] == "split"
    assert said["vitrine.config"] == network.config.digest
    assert [output.name for output in session.get_outputs()] == ["probability"]
    assert {node.name for node in session.get_inputs()} == set(SPEC.names)
    assert not {"Loop", "Scan", "If"} & {node.op_type for node in onnx.load_from_string(content).graph.node}


def test_unknown_features_are_refused(session, content, tmp_path, kind):
    from recsys.training.networks import build

    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    viewer = lovers_of(1) | {"shoe_size": np.array([[3]], dtype=np.int32)}

    with pytest.raises(InvalidArgument, match="shoe_size"):
        session.run(None, viewer | choice_of([1, 2]))
    with pytest.raises(SpecMismatch):
        Ranker.load(path, sha256(content).hexdigest())
    with pytest.raises(ForbiddenFeature, match="gender"):
        build(kind, FeatureSpec((*SPEC.features, Feature("gender", 3))), 1)


def test_somebody_nobody_has_met_is_served_by_what_they_engaged_with(session, kind):
    for taste in (1, 4):
        viewer = lovers_of(taste)
        stranger = viewer | {"viewer": np.array([[37]], dtype=np.int32)}
        for found in (scores_for(session, each, choice_of(EVERYTHING))[0] for each in (viewer, stranger)):
            assert ((found > 0) & (found < 1)).all()
            loved = category_of(np.array(EVERYTHING)) == taste
            if kind not in LINEAR:
                assert found[loved].mean() > 1.5 * found[~loved].mean()


def test_an_empty_history_says_nothing(session, split):
    viewer = lovers_of(2, length=0)

    found = scores_for(session, viewer, choice_of(EVERYTHING))[0]

    assert np.isfinite(found).all()
    assert 0.5 < found.mean() / split.train.labels.mean() < 1.6
    even = np.array(EVERYTHING) % 2 == 0
    assert found[even].mean() > found[~even].mean()


def test_what_stands_behind_the_end_of_a_history_is_not_read(session):
    """Padding is id 0; the category beside it is never looked at."""
    viewer = lovers_of(2, length=3)
    other = dict(viewer, history_category=np.array([[2, 2, 2, 5, 4, 3]], dtype=np.int32))

    assert viewer["history_category"].shape == (1, HISTORY)
    np.testing.assert_allclose(
        scores_for(session, other, choice_of([1, 2, 3])), scores_for(session, viewer, choice_of([1, 2, 3])), atol=1e-6
    )


def test_a_new_creative_is_judged_by_its_category(session, kind):
    new = np.arange(CREATIVES + 1, CREATIVES + 11)

    found = scores_for(session, lovers_of(3), choice_of(new))[0]

    assert ((found > 0.005) & (found < 0.99)).all()
    loved = category_of(new) == 3
    if kind not in LINEAR:
        assert found[loved].mean() > 2.5 * found[~loved].mean()
