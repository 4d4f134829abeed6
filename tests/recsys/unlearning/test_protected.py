"""Sharded and private trainings as a caller asks for them: with one request, in the process that trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.features import FeatureSpec
from recsys.training.errors import BadRequest
from recsys.training.private.terms import PrivacyTerms
from recsys.training.request import TrainingRequest

KEY = b"the key of this installation".hex()


@pytest.fixture
def request_of(tmp_path: Path) -> Any:
    """A request for one network and nothing beside it."""

    def call(**terms: Any) -> TrainingRequest:
        usual = {"kinds": ("logistic",), "retrieval": False, "behaviour": False, "epochs": 2, "seed": 5}
        return TrainingRequest(**{"parquet": tmp_path / "log.parquet", "output": tmp_path / "out", **usual, **terms})

    return call


@pytest.mark.parametrize(
    "wrong",
    [{"kinds": ("logistic", "fm")}, {"kinds": ("mmoe",)}, {"retrieval": True}, {"behaviour": True},
     {"quantise": "int8"}],
)  # fmt: skip
@pytest.mark.parametrize("terms", [{"shards": 2}, {"privacy": PrivacyTerms(1.0)}])
def test_what_would_promise_nothing_is_refused_beside_a_promise(
    request_of: Any, terms: dict[str, Any], wrong: dict[str, Any]
) -> None:
    assert request_of(**terms).is_protected
    with pytest.raises(BadRequest, match="one network with one task and nothing beside it"):
        request_of(**terms, **wrong)


@pytest.mark.parametrize(
    "wrong", [{"shards": 33}, {"shards": 0}, {"shards": 2, "slices": 17}, {"shards": 2, "shard_key": "no digits"}]
)
def test_shards_out_of_range_are_refused(request_of: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        request_of(**wrong)


def test_a_training_is_in_shards_or_private(request_of: Any) -> None:
    with pytest.raises(BadRequest, match="not both"):
        request_of(shards=2, privacy=PrivacyTerms(1.0))


def test_a_request_survives_its_file(request_of: Any, tmp_path: Path) -> None:
    for asked in (
        request_of(shards=3, slices=2, shard_key=KEY, checkpoints=tmp_path / "kept"),
        request_of(privacy=PrivacyTerms(2.5, delta=1e-6, unit="row", passes=3)),
        request_of(),
    ):
        asked.write(tmp_path / "request.json")

        assert TrainingRequest.read(tmp_path / "request.json") == asked
        assert KEY not in repr(asked)


@pytest.mark.parametrize(
    "privacy", [1, {}, {"delta": 1e-5}, {"epsilon": "1"}, {"epsilon": True}, {"epsilon": 1, "x": 2}]
)
def test_terms_that_are_none_are_refused(tmp_path: Path, privacy: Any) -> None:
    with pytest.raises(BadRequest):
        TrainingRequest.parse({"parquet": "log", "output": "out", "kinds": ["logistic"], "privacy": privacy})


@pytest.mark.training
def test_an_erasure_retrains_what_it_has_to_and_the_log_need_not_say_who(
    request_of: Any, planted: Any, small_spec: FeatureSpec, tmp_path: Path
) -> None:
    from recsys.training.protected import train_protected

    log = pq.read_table(planted.path).slice(7_800)
    gone = log["viewer"].to_pylist()[-1] or "viewer-1"
    asked = request_of(shards=2, slices=2, shard_key=KEY, checkpoints=tmp_path / "kept")
    pq.write_table(log, asked.parquet)
    first = train_protected(asked, spec=small_spec)
    pq.write_table(log.filter(pa.array([viewer != gone for viewer in log["viewer"].to_pylist()])), asked.parquet)

    second = train_protected(asked, spec=small_spec)
    second.write(tmp_path / "report.json")

    assert first.sharding is not None
    assert second.sharding is not None
    kept = [shard.slices_kept for shard in second.sharding.shards]
    assert sorted(kept)[1] == 2
    assert second.sharding.rows_learnt < second.sharding.rows_in_full
    assert first.artefact.digest != second.artefact.digest
    assert json.loads((tmp_path / "report.json").read_text())["sharding"]["shards"][0]["slices_kept"] == kept[0]
    assert gone.encode() not in b"".join(path.read_bytes() for path in (tmp_path / "kept").iterdir())


@pytest.mark.training
def test_a_private_training_tells_what_it_spent(
    request_of: Any, planted: Any, small_spec: FeatureSpec, tmp_path: Path
) -> None:
    from recsys.serving.calibration import Calibration
    from recsys.training.protected import train_protected

    asked = request_of(privacy=PrivacyTerms(4.0, passes=2, rows_per_unit=8))
    pq.write_table(pq.read_table(planted.path).slice(7_800), asked.parquet)

    report = train_protected(asked, spec=small_spec)

    assert report.privacy is not None
    assert report.privacy.epsilon <= 4.0
    assert report.privacy.unit == "person"
    assert report.models["logistic"].calibration == Calibration()
    assert (asked.output / report.artefact.file).exists()
    assert report.sharding is None
