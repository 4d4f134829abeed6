"""Integrated gradients of exported networks are what TensorFlow would compute, and they add up."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from recsys.explain.attribution import HISTORY, HISTORY_LENGTH, VIEWER
from recsys.explain.errors import UnreadableGradients
from recsys.explain.gradients import EXPLAINS, GradientExplainer
from recsys.explain.occlusion import OcclusionExplainer
from recsys.explain.rows import anonymous, log_odds_of, unseen
from recsys.features import PICTURE, Behaviour, Context, Item, Viewer, specify
from recsys.serving.metadata import Calibration, ModelMetadata
from recsys.serving.ranker import Ranker

pytestmark = [pytest.mark.training]

SPEC = specify(viewers=101, creatives=211, categories=31, advertisers=11, screens=11, venues=11, history=6)
CONTEXT = Context(screen="s", venue="v", venue_category="retail", scene="till", hour=9, weekday=2, party=1)
PAST = tuple(Behaviour(f"crv_{number}", f"category {number % 3}") for number in range(4))
ITEM = Item("crv_shoe", "category 1", "adv_1")
SLOPE = 0.8


@dataclass(frozen=True, slots=True)
class Exported:
    """A network, its model file and its gradient graph.

    Attributes:
        picture: numbers of a creative's picture, 0 for a network that looks at none.
    """

    picture: int
    network: Any
    model: Path
    gradients: Path
    ranker: Ranker
    explainer: GradientExplainer

    def rows(self, rows: int, seed: int = 0) -> list[dict[str, Any]]:
        """Encoded rows, one by one."""
        found = random_rows(rows, seed, self.picture)
        return [{name: values[row : row + 1] for name, values in found.items()} for row in range(rows)]


def random_rows(rows: int, seed: int = 0, picture: int = 0) -> dict[str, Any]:
    """Encoded rows with histories of every length, and with pictures if the network looks at them."""
    random = np.random.default_rng(seed)
    feeds = {one.name: random.integers(0, one.size, (rows, one.length), dtype=np.int32) for one in SPEC.features}
    lengths = random.integers(0, SPEC.history_length + 1, (rows, 1), dtype=np.int32)
    feeds["history_length"] = lengths
    for name in SPEC.histories:
        feeds[name] = np.where(np.arange(SPEC.history_length) < lengths, np.maximum(feeds[name], 1), 0).astype(np.int32)
    if picture:
        feeds[PICTURE] = random.normal(size=(rows, 1, picture)).astype(np.float32)
    return feeds


def shaken(network: Any) -> Any:
    """Give a network weights of some size, so that its answers differ."""
    random = np.random.default_rng(4)
    for weight in network.weights:
        weight.assign(weight + random.normal(0, 0.25, weight.shape))
    return network


@pytest.fixture(
    scope="module",
    params=[("deepfm", 0), ("din", 5), ("dotdin", 0)],
    ids=["deepfm", "din with pictures and item-item weights", "dotdin"],
)
def exported(request, tmp_path_factory) -> Exported:
    from recsys.training.configuration import NetworkConfig
    from recsys.training.explain import export_gradients
    from recsys.training.export import export
    from recsys.training.networks import build
    from recsys.training.tensorflow import seed_everything

    seed_everything(5)
    kind, picture = request.param
    network = shaken(build(NetworkConfig.of(kind, picture=picture, item_item=3 if picture else 0), SPEC, 5))
    folder = tmp_path_factory.mktemp("exported")
    metadata = ModelMetadata(
        kind, SPEC.digest, "data", "2026-01-01T00:00:00+00:00", Calibration(SLOPE, -0.5), graph="split"
    )
    feeds = random_rows(300, picture=picture)
    artefact = export(network, feeds=feeds, metadata=metadata, output=folder)
    model = folder / artefact.file
    written = export_gradients(network, spec=SPEC, feeds=feeds, model=model, digest=artefact.digest)
    ranker = Ranker.load(model, artefact.digest, SPEC)
    gradients = folder / written.file
    assert written.digest == sha256(gradients.read_bytes()).hexdigest()
    assert written.bytes < model.stat().st_size * 3
    explainer = GradientExplainer.load(ranker, model=model, gradients=gradients, expected_digest=written.digest)
    return Exported(picture, network, model, gradients, ranker, explainer)


def test_the_shares_of_every_row_add_up(exported):
    for row in exported.rows(40, seed=1):
        found = exported.explainer.explain_row(row)

        assert abs(found.residual) <= max(0.01, 0.01 * abs(found.difference))
        assert len(found.by_place()) == row["history_length"][0, 0]


def test_what_the_picture_did_is_told_apart_from_what_knowing_the_viewer_did(exported):
    occlusion = OcclusionExplainer(exported.ranker)
    for row in exported.rows(20, seed=6):
        nobody = anonymous(row, exported.ranker)
        seen, blank = (log_odds_of(exported.ranker, one) for one in (nobody, unseen(nobody)))

        found = exported.explainer.explain_row(row)

        assert found.baseline == pytest.approx(blank, abs=1e-5)
        assert found.of(PICTURE) == pytest.approx(seen - blank, rel=0.01, abs=0.01)
        assert found.personal == pytest.approx(found.score - seen, rel=0.01, abs=0.01)
        assert occlusion.explain_row(row).of(PICTURE) == pytest.approx(seen - blank, abs=1e-5)
        assert bool(found.of(PICTURE)) is bool(exported.picture)


def test_a_creative_without_a_picture_owes_nothing_to_it(exported):
    shown = exported.explainer.explain(CONTEXT, Viewer("sub_1", PAST), ITEM, picture=np.zeros(exported.picture))

    assert shown == exported.explainer.explain(CONTEXT, Viewer("sub_1", PAST), ITEM)
    assert shown.of(PICTURE) == 0


def test_the_ends_of_the_line_are_the_scores_that_are_served(exported):
    found = exported.explainer.explain(CONTEXT, Viewer("sub_1", PAST), ITEM)

    from recsys.features import encode_items

    candidates = encode_items([ITEM], SPEC)
    known, nobody = exported.ranker.rank(CONTEXT, [Viewer("sub_1", PAST), Viewer()], candidates)[:, 0]
    assert 1 / (1 + np.exp(-found.score)) == pytest.approx(known, abs=1e-6)
    assert 1 / (1 + np.exp(-found.baseline)) == pytest.approx(nobody, abs=1e-6)
    assert {share.feature for share in found.shares} == {VIEWER, HISTORY_LENGTH, HISTORY}


def test_it_is_the_integral_that_tensorflow_computes(exported):
    from recsys.training.explain import ids_below, vectors_of
    from recsys.training.tensorflow import keras, tf

    row = exported.rows(40, seed=2)[7]
    nobody = {
        name: np.zeros_like(ids) if name in ("viewer", "history_length", *SPEC.histories) else ids
        for name, ids in row.items()
    }
    vectors, ids = vectors_of(exported.network), ids_below(exported.network)
    cut = keras.Model([*vectors.values(), *ids.values()], exported.network.output)
    look_up = keras.Model(exported.network.inputs, list(vectors.values()))
    ends, starts = look_up([row[name] for name in exported.network.input_names]), look_up(
        [nobody[name] for name in exported.network.input_names]
    )  # fmt: skip
    for place, name in enumerate(vectors):
        if name in SPEC.histories:
            ends[place] = ends[place] * tf.cast(row[name][..., None] != 0, tf.float32)
            starts[place] = tf.zeros_like(starts[place])
    steps = (np.arange(400, dtype=np.float32) + 0.5)[:, None, None] / 400
    path = [start + steps * (end - start) for start, end in zip(starts, ends, strict=True)]
    with tf.GradientTape() as tape:
        tape.watch(path)
        score = cut(path + [np.repeat(row[name], 400, axis=0) for name in ids], training=False)
        total = tf.reduce_sum(tf.math.log(score) - tf.math.log(1 - score))
    means = [tf.reduce_mean(gradient, axis=0) for gradient in tape.gradient(total, path)]
    parts = [mean * (end - start)[0] for mean, start, end in zip(means, starts, ends, strict=True)]
    expected = {name: float(tf.reduce_sum(part)) for name, part in zip(vectors, parts, strict=True)}

    found = exported.explainer.walk(row, nobody, 1e-3)[2]

    for name, amount in expected.items():
        assert found[name].sum() == pytest.approx(amount, abs=5e-3), name


def test_it_agrees_in_direction_with_leaving_things_out(exported):
    occlusion = OcclusionExplainer(exported.ranker)
    pairs = []
    for row in exported.rows(60, seed=3):
        by_gradients, by_occlusion = exported.explainer.explain_row(row), occlusion.explain_row(row)
        assert by_gradients.difference == pytest.approx(by_occlusion.difference, abs=1e-6)
        pairs += [(by_gradients.of(name), by_occlusion.of(name)) for name in (VIEWER, HISTORY)]

    assert np.corrcoef(np.transpose(pairs))[0, 1] > 0.8


def test_somebody_nobody_knows_has_nothing_to_explain(exported):
    found = exported.explainer.explain(CONTEXT, Viewer(), ITEM)

    assert found.difference == 0
    assert found.shares == ()


def test_another_file_than_the_registered_one_is_refused(exported, tmp_path):
    changed = tmp_path / "changed.onnx"
    changed.write_bytes(exported.gradients.read_bytes() + b" ")

    with pytest.raises(UnreadableGradients, match="expected"):
        GradientExplainer.load(
            exported.ranker, model=exported.model, gradients=changed, expected_digest=exported.gradients.name[:64]
        )


def test_the_gradients_of_another_model_are_refused(exported, tmp_path):
    graph = onnx.load_from_string(exported.gradients.read_bytes())
    for one in graph.metadata_props:
        if one.key == EXPLAINS:
            one.value = "0" * 64
    other = tmp_path / "other.onnx"
    other.write_bytes(graph.SerializeToString())

    with pytest.raises(UnreadableGradients, match="explains model 000"):
        GradientExplainer.load(
            exported.ranker, model=exported.model, gradients=other,
            expected_digest=sha256(other.read_bytes()).hexdigest(),
        )  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"no graph", sha256(b"").digest()])
def test_what_is_no_graph_is_refused(exported, tmp_path, content):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(content)

    with pytest.raises(UnreadableGradients, match="cannot load"):
        GradientExplainer.load(
            exported.ranker, model=exported.model, gradients=broken, expected_digest=sha256(content).hexdigest()
        )


def test_a_model_file_without_the_networks_tables_has_no_gradients(exported, tmp_path):
    from recsys.training.explain import NoGradients, export_gradients

    shaken(exported.network)
    model = tmp_path / "model.onnx"
    model.write_bytes(exported.model.read_bytes())

    with pytest.raises(NoGradients, match="does not hold the table"):
        export_gradients(
            exported.network,
            spec=SPEC,
            feeds=random_rows(20, picture=exported.picture),
            model=model,
            digest=exported.ranker.version,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
