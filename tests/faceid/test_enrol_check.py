import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.__main__ import main
from faceid.rules import DENSE, Figures

Check = Callable[..., tuple[int, str]]


@pytest.fixture
def file_of(picture_file: Callable[[str], bytes], tmp_path: Path) -> Callable[[str], str]:
    def write(name: str) -> str:
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(picture_file(name))
        return str(path)

    return write


@pytest.fixture
def check(models_dir: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    def command(*arguments: str, models: Path = models_dir) -> tuple[int, str]:
        status = main(["enrol-check", *arguments, "--models", str(models)])
        return status, capsys.readouterr().out

    return command


def test_a_good_portrait_passes_with_every_figure_and_its_threshold(check: Check, file_of: Callable[[str], str]):
    status, output = check(file_of("obama"), "--json")

    report = json.loads(output)
    assert (status, report["usable"], report["reasons"], report["unmeasured"]) == (0, True, [], [])
    assert {line["figure"] for line in report["figures"]} == set(Figures.__dataclass_fields__)
    assert all(line["passed"] is True for line in report["figures"])
    distance = next(line for line in report["figures"] if line["figure"] == "eye_distance")
    assert (distance["limit"], distance["threshold"], distance["code"]) == ("at least", 36.0, "face_too_small")


def test_a_failing_figure_is_named_in_plain_words(check: Check, file_of: Callable[[str], str]):
    status, output = check(file_of("obama_partial"))

    assert status == 2
    assert "cannot be used" in output
    assert next(line.split() for line in output.splitlines() if "FAILS" in line)[0] == "visible"
    assert "face_cut_off: Only" in output
    assert "Move to the middle of the picture." in output


def test_one_bad_picture_of_several_is_enough_for_status_two(
    check: Check, file_of: Callable[[str], str], crowd: NDArray[np.uint8], tmp_path: Path
):
    cv2.imwrite(str(tmp_path / "crowd.png"), crowd[..., ::-1])
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((200, 200, 3), 120, dtype=np.uint8))
    (tmp_path / "text.jpg").write_text("no picture")

    status, output = check(
        file_of("astronaut"),
        *(str(tmp_path / name) for name in ("crowd.png", "empty.png", "text.jpg", "none.jpg")),
        "--json",
    )

    reports = [json.loads(line) for line in output.splitlines()]
    codes = [[reason["code"] for reason in report["reasons"]] for report in reports]
    assert status == 2
    assert codes == [[], ["several_faces"], ["no_face"], ["not_an_image"], ["file_unreadable"]]
    assert len(reports[1]["figures"]) == len(Figures.__dataclass_fields__)
    assert reports[2]["figures"] == []


def test_without_dense_landmarks_the_missing_figures_are_named(
    check: Check, file_of: Callable[[str], str], models_dir: Path, tmp_path: Path
):
    bare = tmp_path / "bare"
    shutil.copytree(models_dir, bare, ignore=shutil.ignore_patterns("mesh.*", "eyes.*", ".*"))

    status, output = check(file_of("obama"), models=bare)

    assert status == 0
    assert f"Not measured: {', '.join(DENSE)}." in output
    assert output.count("not measured") == len(DENSE)
