"""An exported file computes what the network computes, or there is no file."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from recsys.features import DEFAULT_SPEC
from recsys.serving.metadata import Calibration, ModelMetadata
from recsys.serving.ranker import open_session
from recsys.training.dataset import read_dataset, split_by_time
from recsys.training.errors import ParityError

pytestmark = [pytest.mark.training]
METADATA = ModelMetadata("din", DEFAULT_SPEC.digest, "data", "2026-01-01T00:00:00+00:00", Calibration())


@pytest.fixture(scope="module")
def split(planted):
    return split_by_time(read_dataset(planted.path, max_rows=1_500))


@pytest.fixture(scope="module", params=["din", "deepfm"])
def network(request, split):
    """A network after one pass over few rows."""
    from recsys.training.fit import fit
    from recsys.training.networks import build
    from recsys.training.tensorflow import seed_everything

    seed_everything(5)
    built = build(request.param, DEFAULT_SPEC, 5)
    fit(built, split, stage=request.param, epochs=1, batch_size=256)
    return built


def test_network_and_file_agree_on_every_row_of_the_log(network, split, tmp_path):
    from recsys.training.export import export
    from recsys.training.fit import predict

    artefact = export(network, feeds=split.test.feeds, metadata=METADATA, output=tmp_path)

    session = open_session((tmp_path / artefact.file).read_bytes())
    names = {node.name for node in session.get_inputs()}
    for part in split:
        found = session.run(None, {name: ids for name, ids in part.feeds.items() if name in names})[0][:, 0]
        np.testing.assert_allclose(found, predict(network, part.feeds), atol=1e-5)
    assert artefact.parity <= 1e-5


def test_the_file_takes_exactly_the_features_of_the_specification(network, split):
    from recsys.training.export import convert

    session = open_session(convert(network, METADATA))

    assert {node.name for node in session.get_inputs()} == set(DEFAULT_SPEC.names)
    assert session.get_modelmeta().custom_metadata_map == METADATA.properties() | {
        "vitrine.graph": "split",
        "vitrine.config": network.config.digest,
    }


def test_training_forgets_some_viewers_and_serving_none(network, split):
    from recsys.training.networks.sides import Forget

    ids = np.full((2_000, 1), 7, dtype=np.int32)

    kept = Forget(0.3)(ids, training=True).numpy()

    assert set(np.unique(kept)) == {0, 7}
    assert (kept == 0).mean() == pytest.approx(0.3, abs=0.05)
    assert (np.asarray(Forget(0.3)(ids, training=False)) == 7).all()


def test_a_file_that_computes_something_else_is_refused(network, split, tmp_path, monkeypatch):
    from recsys.training import export as module

    other = onnx.load_from_string(module.convert(network, METADATA))
    for tensor in other.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim == 2:
            tensor.CopyFrom(onnx.numpy_helper.from_array(values * np.float32(1.5), tensor.name))
    monkeypatch.setattr(module, "convert", lambda model, metadata: other.SerializeToString())

    with pytest.raises(ParityError, match="differs from the network"):
        module.export(network, feeds=split.test.feeds, metadata=METADATA, output=tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a graph"])
def test_a_file_that_does_not_load_is_refused(network, split, tmp_path, monkeypatch, content):
    from recsys.training import export as module

    monkeypatch.setattr(module, "convert", lambda model, metadata: content)

    with pytest.raises(ParityError, match="cannot load"):
        module.export(network, feeds=split.test.feeds, metadata=METADATA, output=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_tables_of_equal_shape_do_not_start_identical():
    from recsys.training.networks import build

    network = build("deepfm", DEFAULT_SPEC, 5)

    advertiser, venue = (network.get_layer(f"{name}_table").get_weights()[0] for name in ("advertiser", "venue"))
    assert advertiser.shape == venue.shape
    assert np.abs(advertiser - venue).max() > 0
