"""Our networks and deepctr's learn from the same rows, in turns."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytestmark = [pytest.mark.training]


def test_made_up_ids_keep_within_their_vocabulary_and_few_of_them_are_frequent():
    from recsys.training.synthetic import planted, specification

    spec = specification(100_003, histories=True)
    train = planted(spec, (20_000, 10, 10), seed=1).train

    for feature in spec.features:
        ids = train.feeds[feature.name]
        assert ids.shape == (20_000, feature.length)
        assert ids.dtype == np.int32
        assert 1 <= ids.min() <= ids.max() < feature.size
    assert 0.07 < (train.feeds["viewer"] < 100).mean() < 0.13
    assert 0.2 < train.labels.mean() < 0.6


def test_the_planted_taste_is_the_hour_and_the_history():
    from recsys.training.synthetic import planted, specification

    train = planted(specification(1_009, histories=True), (20_000, 10, 10), seed=1).train
    category = train.feeds["category"]
    suits = (category % 6 == train.feeds["hour"] % 6)[:, 0]
    own = (train.feeds["history_category"] == category).mean(axis=1) > 0.5

    assert train.labels[suits].mean() > train.labels[~suits].mean() + 0.2
    assert train.labels[own].mean() > train.labels[~own].mean() + 0.2


def test_deepctr_has_the_widths_of_ours_and_its_own_penalties():
    from recsys.training.configuration import NetworkConfig
    from recsys.training.networks import build
    from recsys.training.stock import stock
    from recsys.training.synthetic import specification

    spec, config = specification(1_009, histories=False), NetworkConfig.of("deepfm")
    theirs, ours = stock(config, spec, 1), build(config, spec, 1)

    assert theirs.count_params() == pytest.approx(ours.count_params(), rel=0.01)
    assert len(theirs.losses) > 8
    assert not ours.losses


def test_the_command_prints_and_writes_both(tmp_path, capsys):
    from recsys.__main__ import main

    output = tmp_path / "speed.json"
    options = ["--families", "deepfm", "--vocabulary", "10007", "--rows", "2048", "--passes", "2"]

    assert main(["train-speed", *options, "--json", str(output)]) == 0

    [(title, paces)] = json.loads(output.read_text()).items()
    assert title == "deepfm, 10007 ids"
    assert [pace["name"] for pace in paces] == ["deepctr deepfm", "deepfm"]
    assert all(pace["rows_per_second"] > 0 and pace["passes"] == 2 and 0 < pace["auc"] < 1 for pace in paces)
    printed = capsys.readouterr().out
    assert "deepctr deepfm" in printed
    assert "CPU times" in printed


def test_every_family_learns_from_many_ids_and_from_few(monkeypatch, capsys):
    from recsys.__main__ import main
    from recsys.training import speed

    asked = []

    def compare(kinds, split, spec, **about):
        sizes = {feature.name: feature.size for feature in spec.features}
        asked.append((kinds, sizes["viewer"], len(split.train), about["passes"]))
        return [speed.Pace("one", 1.0, 1.0, 1, 1, 0.5, 0.7)]

    monkeypatch.setattr(speed, "compare", compare)

    assert main(["train-speed", "--vocabulary", "503", "--rows", "2048", "--passes", "3"]) == 0

    assert asked == [(kinds, ids, 2048, 3) for kinds in (("deepfm",), ("din", "dotdin")) for ids in (503, 10_007)]
    assert "din, 503 ids" in capsys.readouterr().out
