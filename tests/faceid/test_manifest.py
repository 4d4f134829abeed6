import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceid.declared import read
from faceid.errors import ModelsUnavailable
from faceid.manifest import Manifest

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def copied(models_dir: Path, tmp_path: Path) -> Path:
    """Return a copy of the models directory."""
    out = tmp_path / "face"
    out.mkdir()
    for name in ("manifest.json", "yunet.onnx", "sface.onnx"):
        shutil.copy(models_dir / name, out)
    return out


def test_the_manifest_says_what_may_be_done_with_the_models(models_dir: Path):
    manifest = Manifest.load(models_dir)

    for model in (manifest.detector.model, manifest.recogniser.model):
        for said in (model.purpose, model.source, model.code_licence, model.weights_licence, model.training_data):
            assert said
    assert manifest.dimension == 128
    assert manifest.preprocessing == "upright-arcface112-rgb-nchw-mean0,0,0-std1,1,1-data-fc1-l2-v3"


def test_what_is_written_reads_back(models_dir: Path, tmp_path: Path, copied: Path):
    manifest = Manifest.load(models_dir)

    (copied / "manifest.json").write_text(manifest.to_json())

    assert Manifest.load(copied) == manifest


@pytest.mark.parametrize("damage", ["missing file", "altered file", "no JSON", "deep JSON", "a list"])
def test_a_damaged_models_directory_is_refused(copied: Path, damage: str):
    if damage == "missing file":
        (copied / "yunet.onnx").unlink()
    elif damage == "altered file":
        data = bytearray((copied / "sface.onnx").read_bytes())
        data[-1] ^= 1
        (copied / "sface.onnx").write_bytes(data)
    else:
        text = {"no JSON": "{", "deep JSON": "[" * 100_000, "a list": "[]"}[damage]
        (copied / "manifest.json").write_text(text)

    with pytest.raises(ModelsUnavailable) as refusal:
        Manifest.load(copied)
    assert refusal.value.code == "models_unavailable"


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda fields: fields.pop("detector"), "manifest.detector is missing"),
        (lambda fields: fields.update(format=1), "manifest.format is 1; expected 2"),
        (lambda fields: fields.update(colour="rgb"), "manifest.colour is not known"),
        (lambda fields: fields["recogniser"].update(dimension="128"), "recogniser.dimension is '128'; expected int"),
        (lambda fields: fields["recogniser"].update(dimension=True), "recogniser.dimension is True; expected int"),
        (lambda fields: fields["recogniser"].update(dimension=1), "manifest.recogniser.dimension is 2 to 4096"),
        (lambda fields: fields["recogniser"].update(model=7), "manifest.recogniser.model is not an object"),
        (
            lambda fields: fields["recogniser"]["model"].update(file="../sface.onnx"),
            "recogniser.model.file is '../sface.onnx'; expected the name of a file",
        ),
        (
            lambda fields: fields["detector"]["input"].update(colour="rbg"),
            "detector.input.colour is 'rbg'; expected one of rgb, bgr",
        ),
        (lambda fields: fields["detector"]["input"].update(mean=[0, 0]), "input.mean has 2 items; expected 3"),
        (lambda fields: fields["detector"]["input"].update(mean=5), "input.mean is 5; expected a list"),
        (lambda fields: fields["detector"]["input"].update(std=[1, 0, 1]), "std is above 0"),
        (lambda fields: fields["detector"].update(family="distances"), "levels are the grids"),
        (
            lambda fields: fields["detector"].update(
                family="distances", levels=[{"stride": 0, "scores": "a", "boxes": "b", "landmarks": "c"}]
            ),
            "each stride 1 to 128",
        ),
    ],
)
def test_a_wrong_declaration_is_refused_by_the_name_of_its_field(copied: Path, edit: Edit, named: str):
    fields = json.loads((copied / "manifest.json").read_text())
    edit(fields)
    (copied / "manifest.json").write_text(json.dumps(fields))

    with pytest.raises(ModelsUnavailable) as refusal:
        Manifest.load(copied)
    assert named in str(refusal.value)


def test_the_manual_shows_a_manifest_that_reads():
    manual = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
    (example,) = re.findall(
        r"```json\n(.*?)```", manual.partition("## Face models")[2].partition("\n## ")[0], re.DOTALL
    )

    manifest = read(Manifest, json.loads(example), "manifest")

    assert manifest.recogniser.preprocessing == (
        "upright-arcface112-rgb-nchw-mean127.5,127.5,127.5-std127.5,127.5,127.5-input-embedding-l2-v3"
    )
    assert [level.stride for level in manifest.detector.levels] == [8, 16, 32]
