"""One training on a log with a planted taste."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import onnx
import pytest

from recsys.features import DEFAULT_SPEC, Context, Item, Viewer, encode_items
from recsys.serving.ranker import Ranker, open_session
from recsys.training.dataset import data_digest, read_dataset, split_by_time
from recsys.training.experiment import SEED_SPREAD

pytestmark = [pytest.mark.training]


@pytest.fixture(scope="module")
def ranker(trained):
    return Ranker.load(trained.file, trained.report.artefact.digest)


@pytest.mark.parametrize("kind", ["dotdin", "deepfm"])
def test_the_planted_taste_is_learnt(trained, kind):
    report, baseline = trained.report.models[kind], trained.report.baselines["item_rate"]

    assert report.test.auc > baseline.auc + 0.15
    assert report.test.gauc > baseline.gauc + 0.15
    assert report.test.log_loss < baseline.log_loss
    assert report.test.ece < 0.07


def test_the_better_kind_on_validation_is_exported(trained):
    models = trained.report.models

    assert set(models) == {"dotdin", "deepfm"}
    least = min(model.validation.log_loss for model in models.values())
    assert models[trained.report.kind].validation.log_loss <= least + SEED_SPREAD


def test_the_file_and_its_metadata_are_what_the_report_says(trained, planted, ranker):
    report = trained.report

    assert trained.file.name == f"{report.artefact.digest}.onnx"
    assert trained.file.stat().st_size == report.artefact.bytes
    assert ranker.metadata.kind == report.kind
    assert ranker.metadata.spec == report.spec == DEFAULT_SPEC.digest
    assert ranker.metadata.data == report.data == data_digest(planted.path)
    assert ranker.metadata.trained_at == report.trained_at
    assert ranker.metadata.calibration == report.models[report.kind].calibration


def test_the_file_scores_the_test_part_as_reported(trained, planted, ranker):
    from recsys.training.metrics import measure

    test = split_by_time(read_dataset(planted.path)).test

    found = measure(test.labels, ranker.score(test.feeds), test.viewer.codes)

    assert asdict(found) == pytest.approx(asdict(trained.report.models[trained.report.kind].test), abs=1e-5)


def test_no_partial_files_stay_behind(trained):
    assert {path.suffix for path in trained.output.iterdir()} == {".onnx"}
    assert len(list(trained.output.iterdir())) == 5  # ranking, its gradients, two towers, behaviour


def test_progress_names_every_stage(trained):
    assert list(dict.fromkeys(trained.stages)) == ["behaviour", "dotdin", "deepfm", "retrieval", "export", "explain"]


def test_the_report_is_json(trained, tmp_path):
    trained.report.write(tmp_path / "report.json")

    content = json.loads((tmp_path / "report.json").read_text())

    assert content["rows"] == {"train": 6300, "validation": 1350, "test": 1350}
    assert set(content["models"]["dotdin"]["test_by_source"]) == {"planted", "other"}
    assert content["baselines"]["base_rate"]["auc"] == 0.5
    assert content["boundaries"]["validation"] < content["boundaries"]["test"]


def test_a_decision_follows_the_history_of_a_viewer_nobody_has_met(ranker, lover_of):
    context = Context("screen-1", "venue-1", "retail", "checkout", hour=9, weekday=4, party=1)
    candidates = encode_items(
        [Item(f"creative-{number}", category, None) for number, category in enumerate(lover_of.categories)]
    )

    for place, category in enumerate(lover_of.categories):
        scores = ranker.rank(context, [Viewer("never seen", lover_of(category))], candidates)[0]
        assert scores.argmax() == place
        assert scores[place] > 1.2 * np.delete(scores, place).max()


def test_unseen_creatives_and_anonymous_viewers_get_sensible_scores(ranker):
    context = Context("new screen", "new venue", "new", "new", hour=9, weekday=4, party=3)

    scores = ranker.rank(context, [Viewer(), Viewer("new")], encode_items([Item("new", "new", "new")]), position=7)

    assert scores.shape == (2, 1)
    assert ((scores > 0.01) & (scores < 0.7)).all()


def test_the_same_seed_gives_the_same_network(planted):
    from recsys.training.fit import fit, score
    from recsys.training.networks import build
    from recsys.training.tensorflow import seed_everything

    split = split_by_time(read_dataset(planted.path, max_rows=800))

    def once(seed):
        seed_everything(seed)
        network = build("deepfm", DEFAULT_SPEC, seed)
        fit(network, split, stage="deepfm", epochs=1, batch_size=256)
        return score(network, split.test)

    first, second, other = once(1), once(1), once(2)
    np.testing.assert_allclose(first, second, atol=1e-5)
    assert np.abs(first - other).max() > 1e-4


def test_the_ranker_shortlists_what_a_viewer_loves_with_the_towers_in_its_file(ranker, lover_of):
    context = Context("screen-1", "venue-1", "retail", "checkout", hour=9, weekday=4, party=1)
    categories = [lover_of.categories[number % 6] for number in range(60)]
    catalogue = encode_items([Item(f"creative-{number}", category) for number, category in enumerate(categories)])
    eligible = np.arange(60)

    for category in lover_of.categories:
        viewer = Viewer("never seen", lover_of(category))
        found = ranker.shortlist(context, [viewer], catalogue, eligible, 10, np.zeros(60))
        assert sum(categories[place] == category for place in found) >= 6  # one in six by chance


def test_retrieval_finds_more_than_popularity_does(trained):
    report = trained.report.retrieval

    assert report.creatives == 60
    assert report.recall > report.popularity_recall + 0.1


def test_the_towers_place_viewers_near_what_they_love(trained, planted):
    report = trained.report.retrieval
    towers = {
        name: open_session((trained.output / artefact.file).read_bytes())
        for name, artefact in (("viewer", report.viewer_tower), ("creative", report.creative_tower))
    }
    test = split_by_time(read_dataset(planted.path)).test

    places = {
        name: tower.run(None, {node.name: test.feeds[node.name] for node in tower.get_inputs()})[0]
        for name, tower in towers.items()
    }

    near = (places["viewer"] * places["creative"]).sum(axis=1)
    np.testing.assert_allclose(np.linalg.norm(places["viewer"], axis=1), 1, atol=1e-5)
    known = (test.viewer.codes >= 0) & (test.feeds["history_length"][:, 0] > 3)
    assert near[known & (test.labels == 1)].mean() > near[known & (test.labels == 0)].mean() + 0.1


def test_the_behaviour_model_expects_the_category_a_viewer_keeps_to(trained):
    report = trained.report.behaviour

    assert report.categories == 6
    assert report.accuracy > report.popular_accuracy + 0.3
    assert report.hit_rate > report.popular_hit_rate
    assert report.log_loss < report.popular_log_loss


def test_the_recurrent_layer_stays_one_operation_in_onnx(trained):
    graph = onnx.load(trained.output / trained.report.behaviour.artefact.file).graph

    assert [node.op_type for node in graph.node].count("GRU") == 1
    assert "Loop" not in {node.op_type for node in graph.node}


def test_only_what_is_asked_for_is_trained(planted, trained, tmp_path):
    from recsys.training.experiment import train

    request = replace(
        trained.request,
        output=tmp_path,
        kinds=("deepfm",),
        retrieval=False,
        behaviour=False,
        quantise="float16",
        max_rows=2_000,
        epochs=1,
    )

    report = train(request)

    assert (report.kind, list(report.models)) == ("deepfm", ["deepfm"])
    assert (report.retrieval, report.behaviour) == (None, None)
    assert report.rows == {"train": 1400, "validation": 300, "test": 300}
    assert report.quantisation.method == "float16"
    assert (report.artefact.bytes == report.quantisation.bytes) == (report.quantisation.refused == "")
    assert report.artefact.file in {path.name for path in tmp_path.iterdir()}
    assert Ranker.load(tmp_path / report.artefact.file, report.artefact.digest).towers is None
