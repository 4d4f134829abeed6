"""Our layers compute what deepctr's do, with the same weights and on the same vectors."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [pytest.mark.training]

VIEWERS, CANDIDATES, PLACES, WIDTH = 4, 5, 6, 8
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def pairs(viewer: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Every viewer's fields followed by every candidate's: (viewers x candidates, fields, width)."""
    left = np.repeat(viewer[:, 0], candidate.shape[1], axis=0)
    return np.concatenate([left, np.tile(candidate[0], (len(viewer), 1, 1))], axis=1)


@pytest.fixture(scope="module")
def fields():
    """Vectors of three fields of viewers and of two of candidates; the first number of each is its linear weight."""
    return numbers(VIEWERS, 1, 3, 1 + WIDTH, seed=1), numbers(1, CANDIDATES, 2, 1 + WIDTH, seed=2)


def test_a_factorisation_machine_is_deepctrs(fields):
    from recsys.training.networks.machines import FactorisationMachine
    from recsys.training.tensorflow import tf

    found = FactorisationMachine(1 + WIDTH)([tf.constant(side.reshape(*side.shape[:2], -1)) for side in fields])
    from deepctr.layers.interaction import FM

    flat = pairs(*fields)
    expected = FM()(tf.constant(flat[..., 1:])) + flat[..., 0].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.reshape(found, (-1, 1)), expected, **TOLERANCE)


def test_a_field_weighted_machine_is_deepctrs(fields):
    from recsys.training.networks.machines import FieldWeightedMachine
    from recsys.training.tensorflow import tf

    ours = FieldWeightedMachine()
    found = ours([tf.constant(side) for side in fields])
    from deepctr.layers.interaction import FwFMLayer

    flat = pairs(*fields)
    theirs = FwFMLayer(num_fields=5)
    theirs(tf.constant(flat[..., 1:]))
    theirs.set_weights(ours.get_weights())
    expected = theirs(tf.constant(flat[..., 1:])) + flat[..., 0].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.reshape(found, (-1, 1)), expected, **TOLERANCE)


@pytest.mark.parametrize("crosses", [1, 3])
def test_cross_layers_are_deepctrs(fields, crosses):
    from recsys.training.networks.crossing import Cross
    from recsys.training.tensorflow import tf

    viewer, candidate = (side.reshape(*side.shape[:2], -1) for side in fields)
    ours = Cross(crosses, seed=3)
    ours([tf.constant(viewer), tf.constant(candidate)])
    for place, bias in enumerate(ours.biases):
        bias.assign(numbers(*bias.shape, seed=place))
    found = ours([tf.constant(viewer), tf.constant(candidate)])
    from deepctr.layers.interaction import CrossNet

    flat = tf.constant(pairs(viewer[..., None, :].reshape(VIEWERS, 1, -1, 1), candidate[..., None].copy())[..., 0])
    theirs = CrossNet(layer_num=crosses, parameterization="matrix")
    theirs(flat)
    for mine, other in zip(ours.kernels, theirs.kernels, strict=True):
        other.assign(tf.transpose(mine))
    for mine, other in zip(ours.biases, theirs.bias, strict=True):
        other.assign(mine[:, None])
    np.testing.assert_allclose(found, theirs(flat), **TOLERANCE)


@pytest.mark.parametrize("normalise", [False, True])
def test_attention_factorised_is_deepctrs_attention_laid_out(normalise):
    from recsys.training.networks.attention import TargetAttention
    from recsys.training.tensorflow import tf

    query, keys = numbers(1, CANDIDATES, WIDTH, seed=1), numbers(VIEWERS, PLACES, WIDTH, seed=2)
    lengths = np.array([6, 3, 1, 2])
    present = (np.arange(PLACES) < lengths[:, None]).astype(np.float32)[..., None]
    ours = TargetAttention((7, 3), seed=5, normalise=normalise)
    inputs = [tf.constant(values) for values in (query, keys, present)]
    ours(inputs)
    for place, bias in enumerate(ours.biases):
        bias.assign(numbers(*bias.shape, seed=place))
    found = ours(inputs)
    from deepctr.layers.sequence import AttentionSequencePoolingLayer

    theirs = AttentionSequencePoolingLayer((7, 3), "relu", weight_normalization=normalise)
    flat = [
        tf.constant(np.tile(query[0], (VIEWERS, 1))[:, None]),
        tf.constant(np.repeat(keys, CANDIDATES, axis=0)),
        tf.constant(np.repeat(lengths, CANDIDATES)[:, None]),
    ]
    theirs(flat)
    unit = theirs.local_att
    theirs_in_order = [*unit.dnn.kernels, unit.kernel, *unit.dnn.bias, unit.bias]
    for mine, other in zip([*ours.kernels, *ours.biases], theirs_in_order, strict=True):
        other.assign(mine)
    np.testing.assert_allclose(np.reshape(found, (-1, 1, WIDTH)), theirs(flat), **TOLERANCE)


@pytest.mark.parametrize("normalise", [False, True])
def test_attention_reads_histories_side_by_side_as_it_does_when_they_are_joined(normalise):
    from recsys.training.networks.attention import TargetAttention
    from recsys.training.tensorflow import tf

    query, keys = tf.constant(numbers(1, CANDIDATES, WIDTH, seed=1)), numbers(VIEWERS, PLACES, WIDTH, seed=2)
    present = tf.constant((np.arange(PLACES) < np.array([[6], [3], [0], [2]])).astype(np.float32)[..., None])
    layer = TargetAttention((7, 3), seed=5, normalise=normalise)
    joined = layer([query, tf.constant(keys), present])
    apart = layer([query, tf.constant(keys[..., :5]), tf.constant(keys[..., 5:]), present])
    np.testing.assert_array_equal(apart, joined)
    assert joined.shape == (VIEWERS, CANDIDATES, WIDTH)
    assert not np.any(joined[2])


def test_a_pair_dense_layer_is_a_dense_layer_on_what_is_joined():
    from recsys.training.networks.layers import PairDense
    from recsys.training.tensorflow import keras, tf

    viewer, candidate = numbers(VIEWERS, 1, 3, seed=1), numbers(1, CANDIDATES, 4, seed=2)
    both = numbers(VIEWERS, CANDIDATES, 2, seed=3)
    ours = PairDense(6, "relu", seed=4)
    found = ours([tf.constant(part) for part in (viewer, candidate, both)])

    joined = np.concatenate(
        [np.repeat(viewer[:, 0], CANDIDATES, axis=0), np.tile(candidate[0], (VIEWERS, 1)), both.reshape(-1, 2)], axis=1
    )
    dense = keras.layers.Dense(6, "relu")
    dense(tf.constant(joined))
    dense.set_weights(ours.get_weights())
    np.testing.assert_allclose(found, dense(tf.constant(joined)), **TOLERANCE)


TASKS = ("engagement", "view", "dwell_seconds", "touch", "scan", "conversion")


@pytest.mark.parametrize("kind", ["mmoe", "ple"])
def test_experts_and_gates_are_deepctrs(kind):
    """The whole network, on a specification without histories, which deepctr's have no attention for."""
    from recsys.features import Feature, FeatureSpec
    from recsys.training.configuration import NetworkConfig
    from recsys.training.networks import build
    from recsys.training.tensorflow import seed_everything

    seed_everything(1)
    spec = FeatureSpec((Feature("viewer", 11), Feature("creative", 13), Feature("hour", 24)))
    config = NetworkConfig.of(kind, width=4, narrow=4, hidden=[6, 5], tower=3, experts=2 if kind == "mmoe" else 1)
    ours = build(config, spec, 1).learner
    for place, weight in enumerate(ours.weights):
        weight.assign(numbers(*weight.shape, seed=place))
    theirs = deepctr_model(kind, spec)
    for layer in ours.layers:
        if weights := layer.get_weights():
            give(theirs, layer.name, weights)
    random = np.random.default_rng(0)
    feeds = {feature.name: random.integers(0, feature.size, (9, 1)).astype(np.int32) for feature in spec.features}

    expected = np.concatenate(theirs(feeds), axis=1)
    np.testing.assert_allclose(ours(feeds), expected, **TOLERANCE)
    assert np.median(expected.std(axis=0)) > 1e-2


def deepctr_model(kind, spec):
    from deepctr.feature_column import SparseFeat
    from deepctr.models import MMOE, PLE

    columns = [SparseFeat(name, spec.sizes[name], embedding_dim=4) for name in ("viewer", "hour", "creative")]
    options = {
        "expert_dnn_hidden_units": (6, 5),
        "tower_dnn_hidden_units": (3,),
        "task_types": tuple("regression" if task == "dwell_seconds" else "binary" for task in TASKS),
        "task_names": TASKS,
    }
    if kind == "mmoe":
        return MMOE(columns, num_experts=2, **options)
    return PLE(columns, shared_expert_num=1, specific_expert_num=1, num_levels=2, **options)


def give(theirs, name, weights):
    """Copy the weights of one of our layers to where deepctr has them."""
    if name.endswith("_table"):
        theirs.get_layer(f"sparse_emb_{name.removesuffix('_table')}").set_weights(weights)
    elif name == "probability":
        theirs.get_layer("engagement").set_weights(weights)
    elif name.startswith("gate_"):
        theirs.get_layer(gate(name)).set_weights(weights)
    elif name.startswith("tower_"):
        theirs.get_layer(name).set_weights(weights)
    elif name.startswith("logit_"):
        tower = theirs.get_layer(name.replace("logit_", "tower_"))
        logit = tower.outbound_nodes[0].outbound_layer
        logit.set_weights(weights[:1])
        if len(weights) > 1:
            logit.outbound_nodes[0].outbound_layer.set_weights(weights[1:])
    else:
        expert, _, place = name.rpartition("_")
        layer = theirs.get_layer(expert_name(expert))
        mine = dict(zip(("kernel", "bias"), weights, strict=True))
        layer.kernels[int(place)].assign(mine["kernel"])
        layer.bias[int(place)].assign(mine["bias"])


def gate(name):
    parts = name.split("_", 2)
    if not parts[1].isdigit():
        return name.replace("gate_", "gate_softmax_")
    level, task = f"level_{parts[1]}_", parts[2]
    return f"{level}gate_softmax_shared" if task == "shared" else f"{level}gate_softmax_specific_{task}"


def expert_name(expert):
    parts = expert.split("_", 1)[1].rsplit("_", 1)
    if len(parts) == 1:
        return expert
    level, task = parts[0].split("_", 1)
    if task == "shared":
        return f"level_{level}_expert_shared_{parts[1]}"
    return f"level_{level}_task_{task}_expert_specific_{parts[1]}"
