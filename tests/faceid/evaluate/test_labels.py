import json
from pathlib import Path
from typing import Any

import pytest

from faceid.evaluate import labels
from faceid.evaluate.errors import LabelsRefused

FIVE = [[1, 2], [3, 2], [2, 3], [1, 4], [3, 4]]
FLAT = [number for point in FIVE for number in point]


@pytest.fixture
def read(tmp_path: Path):
    def one(content: Any, **options: bool):
        (tmp_path / "a.jpg").touch()
        (tmp_path / "b.jpg").touch()
        (tmp_path / "labels.json").write_text(content if isinstance(content, str) else json.dumps(content))
        return labels.read(tmp_path / "labels.json", tmp_path, **options)

    return one


def test_faces_have_boxes_points_or_both(read, tmp_path: Path):
    found = read({"a.jpg": [{"box": [1, 2, 3, 4], "points": FIVE}, {"points": FIVE, "ignore": True}], "b.jpg": []})

    both, points = found[tmp_path / "a.jpg"]
    assert both.box.tolist() == [1, 2, 3, 4]
    assert both.points.tolist() == FIVE
    assert (points.box, points.ignored) == (None, True)
    assert found[tmp_path / "b.jpg"] == []


@pytest.mark.parametrize(
    "face", [FIVE, [FIVE], {"points": FIVE}, {"landmarks": FIVE}, [{"landmarks": FLAT}], {"faces": [FIVE]}]
)
def test_shorter_forms_are_understood(read, tmp_path: Path, face: Any):
    (one,) = read({"a.jpg": face})[tmp_path / "a.jpg"]

    assert one.points.tolist() == FIVE


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "{}", "[" * 50_000, {"a.jpg": 3}, {"a.jpg": [{}]}, {"a.jpg": ["face"]}, {"a.jpg": [{"box": [1, 2]}]},
        {"a.jpg": [{"box": [1, 2, 0, 4]}]}, {"a.jpg": [{"points": FIVE[:4]}]}, {"a.jpg": [{"points": [["x"] * 2] * 5}]},
        '{"a.jpg": [{"box": [NaN, 0, 1, 1]}]}',
    ],
)  # fmt: skip
def test_labels_that_make_no_sense_are_refused(read, content: Any):
    with pytest.raises(LabelsRefused):
        read(content)


def test_labels_of_pictures_that_are_not_there_are_refused_or_left_out(read, tmp_path: Path):
    content = {"a.jpg": [FIVE], "z.jpg": [FIVE]}

    with pytest.raises(LabelsRefused, match=r"z\.jpg"):
        read(content)
    assert list(read(content, skip_missing=True)) == [tmp_path / "a.jpg"]
    with pytest.raises(LabelsRefused):
        read({"z.jpg": [FIVE]}, skip_missing=True)
