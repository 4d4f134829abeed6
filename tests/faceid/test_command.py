import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceid.__main__ import main
from faceid.errors import ModelsUnavailable
from faceid.liveness.detector import LivenessDetector
from faceid.session import Limits

Run = Callable[..., tuple[int, str, str]]
Capture = pytest.CaptureFixture[str]
PAIRS = """a,b,same,fold
obama/obama.jpg,obama/obama3.jpg,1,0
obama/obama.jpg,biden/biden.jpg,0,0
obama/obama3.jpg,stray.jpg,0,0
obama/obama3.jpg,obama/obama.jpg,1,1
biden/biden.jpg,stray.jpg,0,1
obama/obama3.jpg,biden/biden.jpg,0,1
"""
PICTURES = {"biden", "obama", "obama2", "obama3", "obama_partial", "astronaut"}


@pytest.fixture
def run(
    models_dir: Path,
    picture_file: Callable[[str], bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command, with photographs in place of their short names; return status, output and errors."""

    def command(name: str, *arguments: str) -> tuple[int, str, str]:
        given = [file_of(one) if one in PICTURES else one for one in arguments]
        status = main([name, *given, "--models", str(models_dir)])
        return status, *capsys.readouterr()

    def file_of(picture: str) -> str:
        path = tmp_path / picture
        path.write_bytes(picture_file(picture))
        return str(path)

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


def test_detect_takes_several_pictures_and_sizes(run: Run):
    status, output, _ = run("detect", "astronaut", "biden", "--sides", "320,640")

    faces = [json.loads(line) for line in output.splitlines()]
    assert status == 0
    assert [Path(face["image"]).name for face in faces] == ["astronaut", "biden"]


def test_sides_out_of_range_are_a_usage_error(run: Run):
    with pytest.raises(SystemExit) as ended:
        run("detect", "astronaut", "--sides", "8")
    assert ended.value.code == 2


def test_a_file_that_is_not_there_is_named(models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    status = main(["embed", str(tmp_path / "nowhere.jpg"), "--models", str(models_dir)])

    assert status == 1
    assert "file_unreadable: " in (errors := capsys.readouterr().err)
    assert "nowhere.jpg cannot be read: No such file" in errors


def test_a_provider_that_is_not_there_is_refused_at_once(run: Run):
    status, output, errors = run("embed", "obama", "--provider", "CUDAExecutionProvider")

    assert (status, output) == (1, "")
    assert errors.startswith("models_unavailable: onnxruntime has no CUDAExecutionProvider here.")


@pytest.mark.parametrize("command", [("liveness", "judge"), ("evaluate", "liveness")])
def test_liveness_does_not_fall_back_to_another_provider_either(models_dir: Path, capsys: Capture, command: list[str]):
    status = main([*command, "a.jpg", "--models", str(models_dir), "--provider", "CUDAExecutionProvider"])

    assert status == 1
    assert capsys.readouterr().err.startswith("models_unavailable: onnxruntime has no CUDAExecutionProvider here.")
    with pytest.raises(ModelsUnavailable, match="CUDAExecutionProvider"):
        LivenessDetector.load(models_dir, Limits(provider="CUDAExecutionProvider"))


@pytest.mark.parametrize(
    "words",
    [
        "detect", "embed", "verify", "identify", "enrol-check", "bench", "calibrate", "train", "train-dynamics",
        "liveness judge", "liveness train", "evaluate verification", "evaluate identification", "evaluate detection",
        "evaluate liveness",
    ],
)  # fmt: skip
def test_every_command_that_runs_networks_takes_their_limits(capsys: Capture, words: str):
    with pytest.raises(SystemExit):
        main([*words.split(), "--help"])

    assert {"--threads", "--memory", "--provider"} <= set(capsys.readouterr().out.replace("[", " ").split())


def test_flip_averaging_is_another_contract(run: Run):
    contracts = [json.loads(run("embed", "obama", *flags)[1])["contract"] for flags in ((), ("--flip",))]

    assert contracts[0] != contracts[1]


@pytest.fixture
def people(picture_file: Callable[[str], bytes], tmp_path: Path) -> Path:
    """Return a folder with one folder per person, one of whose pictures cannot be enrolled."""
    folder = tmp_path / "people"
    for person, name in (("biden", "biden"), ("obama", "obama"), ("obama", "obama_partial"), ("obama", "obama3")):
        (folder / person).mkdir(parents=True, exist_ok=True)
        (folder / person / f"{name}.jpg").write_bytes(picture_file(name))
    (folder / "stray.jpg").write_bytes(picture_file("astronaut"))
    return folder


def test_identify_ranks_the_people_by_raw_cosine_and_names_one(run: Run, people: Path):
    status, output, errors = run("identify", "obama2", str(people))

    first, second, answer = output.splitlines()
    assert status == 0
    assert first.split()[1:] == ["raw", "cosine", "obama"]
    assert second.split()[1:] == ["raw", "cosine", "biden"]
    assert float(first.split()[0]) > 0.5 > float(second.split()[0])
    assert answer == "obama"
    assert errors.strip().endswith("obama_partial.jpg: face_cut_off, left out")


def test_identify_calls_a_stranger_unknown(run: Run, people: Path):
    status, output, _ = run("identify", "astronaut", str(people), "--json")

    answer = json.loads(output)
    assert status == 2
    assert answer["person"] is None
    assert answer["scores"] == "raw cosine"
    assert {one["person"] for one in answer["ranked"]} == {"obama", "biden"}


def test_identify_needs_a_lead_over_the_second_person(run: Run, people: Path):
    status, output, _ = run("identify", "obama2", str(people), "--margin", "0.9")

    assert (status, output.splitlines()[-1]) == (2, "unknown")


def test_identify_without_people_says_what_the_folder_should_hold(run: Run, tmp_path: Path):
    empty, flat = tmp_path / "empty", tmp_path / "flat"
    empty.mkdir()
    flat.mkdir()
    (flat / "one.jpg").write_bytes(b"no picture")

    assert run("identify", "obama", str(empty))[2].startswith("file_unreadable: There is no picture below ")
    assert run("identify", "obama", str(flat))[2].startswith("file_unreadable: There is nobody to compare with ")


def test_identify_needs_a_usable_face(run: Run, people: Path, tmp_path: Path):
    blank = tmp_path / "blank.png"
    blank.write_bytes(bytes(cv2.imencode(".png", np.zeros((64, 64, 3), dtype=np.uint8))[1]))

    assert run("identify", str(blank), str(people))[2].startswith("no_face: There is no usable face in ")


def test_bench_prints_the_stages_and_opencv_beside_them(run: Run, people: Path, published_models: Path):
    (people / "stray.jpg").write_bytes(b"no picture")
    options = ("--images", str(people), "--rounds", "1", "--published", str(published_models))

    status, output, _ = run("bench", *options, "--most", "1")
    assert status == 0
    assert output.startswith("1 pictures, 1 thread; medians in milliseconds\n  decode ")
    assert "times OpenCV's" in output

    status, output, errors = run("bench", *options, "--json")
    assert "stray.jpg: not_an_image, left out" in errors
    measured = json.loads(output)
    assert status == 0
    assert list(measured["stages_ms"]) == ["decode", "detect", "look upright", "align", "quality", "embed"]
    assert (measured["opencv"]["frames"], measured["opencv"]["faces"]) == (4, 4)


def test_bench_prints_the_accuracy_of_both_on_pairs(run: Run, people: Path, published_models: Path, tmp_path: Path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(PAIRS)
    options = ("--images", str(people), "--pairs", str(pairs), "--rounds", "1", "--published", str(published_models))

    status, output, _ = run("bench", *options, "--most", "1", "--quality", "any")

    assert status == 0
    assert "2 genuine and 4 impostor pairs of 4 pictures in 2 folds\n" in output
    assert output.count("100.00 % [") == 4
    assert output.endswith("  right alone   this library 0, OpenCV 0 of the pairs\n")

    status, output, _ = run("bench", *options, "--most", "1", "--json")
    measured = json.loads(output)["accuracy"]
    assert (measured["pictures"], measured["genuine"], measured["impostor"]) == (4, 2, 4)
    assert measured["ours"]["accuracy"]["value"] == measured["opencv"]["tar"]["value"] == 1.0


def test_bench_searches_galleries_with_one_and_two_threads(run: Run):
    status, output, _ = run("bench", "--galleries", "300x8", "--rounds", "1", "--json")

    rows = [json.loads(line) for line in output.splitlines()]
    assert status == 0
    assert [row["threads"] for row in rows] == [1] * 12 + [2] * 12
    assert {(row["templates"], row["dimension"], row["recall"]) for row in rows} == {(300, 8, 1.0)}
    assert all(row["times"] > 0 for row in rows)


def test_bench_watches_memory(run: Run, people: Path):
    status, output, _ = run("bench", "--images", str(people / "biden"), "--soak", "4", "--json")

    seen = json.loads(output)
    assert status == 0
    assert seen["frames"] == 4
    assert seen["growth"] == seen["end"] - seen["start"]


def test_bench_without_pictures_says_where_to_put_them(run: Run, tmp_path: Path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "one.jpg").write_bytes(b"no picture")

    status, _, errors = run("bench", "--images", str(tmp_path / "bad"))

    assert status == 1
    assert "file_unreadable: No picture below " in errors


def test_bench_without_the_photographs_of_set_up_asks_for_others(models_dir: Path, tmp_path: Path, capsys: Capture):
    models = tmp_path / "models" / "face"
    models.mkdir(parents=True)
    for name in ("manifest.json", "yunet.onnx", "sface.onnx"):
        (models / name).symlink_to(models_dir / name)

    assert main(["bench", "--models", str(models)]) == 1
    assert "Name a folder of pictures with --images" in capsys.readouterr().err
