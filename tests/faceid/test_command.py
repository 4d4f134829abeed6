import json
from collections.abc import Callable
from pathlib import Path

import pytest

from faceid.__main__ import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    models_dir: Path,
    picture_file: Callable[[str], bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command on photographs named by their short names; return status, output and errors."""

    def command(name: str, *pictures: str) -> tuple[int, str, str]:
        paths = []
        for picture in pictures:
            paths.append(tmp_path / picture)
            paths[-1].write_bytes(picture_file(picture))
        status = main([name, *map(str, paths), "--models", str(models_dir)])
        return status, *capsys.readouterr()

    return command


def test_detect_lists_the_faces_with_their_quality(run: Run):
    status, output, _ = run("detect", "astronaut")

    face = json.loads(output)
    assert status == 0
    assert face["box"] == pytest.approx([178, 62.6, 90.4, 113.9], abs=1)
    assert face["reasons"] == []
    assert face["eye_distance"] == pytest.approx(47, abs=1)


def test_embed_says_that_a_picture_can_be_enrolled_without_showing_the_embedding(run: Run):
    status, output, _ = run("embed", "obama")

    about = json.loads(output)
    assert status == 0
    assert about["dimension"] == 128
    assert about["contract"].startswith("emb_")
    assert not any(isinstance(value, list) for value in about.values())


def test_verify_tells_one_person_from_two_by_its_status(run: Run):
    same, output, _ = run("verify", "obama", "obama3")
    assert (same, json.loads(output)["same"]) == (0, True)

    different, output, _ = run("verify", "obama", "biden")
    assert (different, json.loads(output)["same"]) == (2, False)


def test_a_refusal_goes_to_the_errors_with_its_code(run: Run):
    status, output, errors = run("embed", "obama_partial")

    assert (status, output) == (1, "")
    assert errors.startswith("face_cut_off: Only ")


def test_prepare_prints_what_it_made(published_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    status = main(["prepare", "--source", str(published_models), "--out", str(tmp_path)])

    assert status == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["yunet.onnx", "sface.onnx"]
    assert (tmp_path / "manifest.json").is_file()
