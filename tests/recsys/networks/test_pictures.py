"""A creative nobody has met is judged by how it looks."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.serving.calibration import Calibration
from recsys.serving.metadata import ModelMetadata
from recsys.serving.ranker import open_session
from recsys.specification import PICTURE

from .conftest import CREATIVES, SPEC, Part, choice_of, lovers_of, planted

pytestmark = [pytest.mark.training]

WIDTH = 4
LOOKS = np.random.default_rng(5).normal(size=(SPEC.sizes["creative"], WIDTH)).astype(np.float32)
LOOKS /= np.linalg.norm(LOOKS, axis=1, keepdims=True)


def looked_at(rows: int, seed: int) -> Part:
    """Rows in which what counts is the first number of the picture."""
    feeds, _ = planted(rows, seed)
    looks = LOOKS[feeds["creative"][:, 0]]
    chance = 1 / (1 + np.exp(-5 * looks[:, 0]))
    labels = (np.random.default_rng(seed + 10).random(rows) < chance).astype(np.float32)
    return Part(feeds | {PICTURE: looks[:, None, :]}, labels, {})


@pytest.fixture(scope="module", params=["dotdin", "fm"])
def served(request, tmp_path_factory):
    from recsys.training.configuration import NetworkConfig
    from recsys.training.dataset import Split
    from recsys.training.export import export
    from recsys.training.fit import fit
    from recsys.training.networks import build
    from recsys.training.tensorflow import seed_everything

    seed_everything(3)
    network = build(NetworkConfig.of(request.param, picture=WIDTH, spread=0.1, learning_rate=1e-2), SPEC, 3)
    split = Split(looked_at(2_400, 1), looked_at(400, 2), looked_at(400, 3))
    fit(network, split, stage="pictures", epochs=4, batch_size=64)
    metadata = ModelMetadata(request.param, SPEC.digest, "data", "2026-01-01T00:00:00+00:00", Calibration())
    folder = tmp_path_factory.mktemp("pictures")
    artefact = export(network, feeds=split.test.feeds, metadata=metadata, output=folder)
    return artefact, open_session((folder / artefact.file).read_bytes())


def test_the_file_takes_pictures_of_candidates_and_computes_what_the_network_does(served):
    artefact, session = served

    shapes = {node.name: (node.type, node.shape) for node in session.get_inputs()}

    assert shapes[PICTURE] == ("tensor(float)", ["groups", "candidates", WIDTH])
    assert artefact.parity <= 1e-5


def test_a_new_creative_is_judged_by_its_picture(served):
    _, session = served
    new = np.arange(CREATIVES + 1, CREATIVES + 11)
    pretty, plain = np.eye(WIDTH, dtype=np.float32)[0], -np.eye(WIDTH, dtype=np.float32)[0]

    found = [
        session.run(None, lovers_of(1) | choice_of(new) | {PICTURE: np.tile(look, (1, 10, 1))})[0]
        for look in (pretty, np.zeros(WIDTH, dtype=np.float32), plain)
    ]

    assert found[0].mean() > found[1].mean() + 0.1
    assert found[1].mean() > found[2].mean() + 0.1
