"""Training liveness: what is fitted, what is held out, and that the same seed gives the same models."""

import json
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.__main__ import main
from faceid.detect import Face
from faceid.evaluate import liveness_trials
from faceid.evaluate.made_films import made_films
from faceid.liveness.bundle import DIRECTORY, MANIFEST
from faceid.liveness.detector import LivenessDetector
from faceid.liveness.method import Evidence
from faceid.liveness.policy import Purpose, Rate, Target
from faceid.pipeline import Pipeline
from faceid.training.liveness import Material, train_liveness
from faceid.training.liveness_frames import Living, made, photographed, recorded
from faceid.training.liveness_fusion import choose_thresholds, expected_error, fit_fusion, table
from faceid.training.liveness_machines import fit_machine, weighed

Picture = NDArray[np.uint8]
NAMES = ("biden", "obama", "astronaut")


@pytest.fixture(scope="module")
def living(picture: Callable[[str], Picture], pipeline: Pipeline) -> list[Living]:
    images = [picture(name) for name in NAMES]
    return [Living(person, image, pipeline.detector.faces(image)[0]) for person, image in enumerate(images)]


@pytest.fixture(scope="module")
def trained(living: list[Living], tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Path:
    root = tmp_path_factory.mktemp("models")
    for path in models_dir.iterdir():
        if path.is_file() and not path.name.startswith("."):
            (root / path.name).symlink_to(path)
    train_liveness(Material(living), root / DIRECTORY, count=90, side=128)
    return root


def test_a_machine_separates_what_can_be_separated_and_predicts_as_scikit_learn_does() -> None:
    generator = np.random.default_rng(0)
    live = np.arange(200) % 2 == 0
    features = generator.normal(size=(200, 6)).astype(np.float32)
    features[:, 0] = np.where(live, 2.0, -2.0) + 0.3 * features[:, 0]

    machine = fit_machine(features, live, np.ones(200))

    assert ((machine.decide(features) > 0) == live).mean() > 0.97


def test_a_machine_needs_both_kinds() -> None:
    with pytest.raises(ValueError, match="attacks"):
        fit_machine(np.zeros((4, 2), dtype=np.float32), np.ones(4, dtype=bool), np.ones(4))


def test_every_source_counts_the_same() -> None:
    weights = weighed([np.ones(10, dtype=np.float32), np.ones(90, dtype=np.float32)])

    assert weights[:10].sum() == pytest.approx(weights[10:].sum())
    assert weights.mean() == pytest.approx(1.0)


def test_fusion_trusts_what_tells_and_ignores_what_does_not() -> None:
    generator = np.random.default_rng(0)
    live = np.arange(600) % 2 == 0
    odds = np.where(live, 1.5, -1.5) + generator.normal(size=600)
    evidence = [
        (Evidence("telling", float(one)), Evidence("noise", float(other)), Evidence("wrong", float(-one)))
        for one, other in zip(odds, generator.normal(size=600), strict=True)
    ]

    weights = dict(fit_fusion(evidence, live, np.ones(600)).weights)

    assert weights["telling"] > 0.8
    assert weights["noise"] < 0.3
    assert weights["wrong"] < 0.3


def test_missing_evidence_counts_as_none() -> None:
    rows = table([[Evidence("a", 2.0)], [Evidence("b", -9.0)]], ["a", "b"])

    assert rows.tolist() == [[2.0, 0.0], [0.0, -6.0]]


def test_thresholds_keep_their_targets_on_what_was_held_out() -> None:
    scores = np.concatenate([np.linspace(0.3, 1.0, 100), np.linspace(0.0, 0.6, 100), np.linspace(0.0, 0.9, 100)])
    species = [None] * 100 + ["print"] * 100 + ["screen"] * 100
    targets = {Purpose.ENROLMENT: Target(Rate.APCER, 0.05), Purpose.SCREEN: Target(Rate.BPCER, 0.1)}

    chosen = choose_thresholds(scores, species, targets)

    for attacks in (scores[100:200], scores[200:]):
        assert (attacks >= chosen[Purpose.ENROLMENT]).mean() <= 0.05
    assert (scores[:100] < chosen[Purpose.SCREEN]).mean() <= 0.1
    assert chosen[Purpose.ENROLMENT] > chosen[Purpose.SCREEN]


def test_enrolment_is_never_lighter_than_a_screen() -> None:
    scores = np.concatenate([np.full(50, 0.9), np.full(50, 0.1)])
    targets = {Purpose.ENROLMENT: Target(Rate.APCER, 0.5), Purpose.SCREEN: Target(Rate.BPCER, 0.05)}

    chosen = choose_thresholds(scores, [None] * 50 + ["print"] * 50, targets)

    assert chosen[Purpose.ENROLMENT] == chosen[Purpose.SCREEN] == 0.9


def test_a_claim_that_is_off_by_a_tenth_has_that_calibration_error() -> None:
    assert expected_error(np.full(10, 0.6), np.arange(10) < 5, np.ones(10)) == pytest.approx(0.1)


def test_made_frames_are_half_living_and_of_all_people(living: list[Living]) -> None:
    samples = list(made(living, 24, np.random.default_rng(0), side=128))

    assert sum(sample.live for sample in samples) == 12
    assert {sample.person for sample in samples if sample.live} == {0, 1, 2}
    assert len({sample.species for sample in samples}) >= 4


def test_training_writes_models_that_judge(trained: Path, living: list[Living]) -> None:
    manifest = json.loads((trained / DIRECTORY / MANIFEST).read_text())

    detector = LivenessDetector.load(trained)

    assert manifest["training"]["attacks"] == ["made"]
    assert manifest["training"]["people_in_photographs"] == 3
    assert manifest["training"]["sources"] == ["not stated"]
    machine = manifest["machines"][0]
    assert (machine["code_licence"], machine["weights_licence"], machine["training_data"]) == (
        "own",
        "own",
        "not stated",
    )
    held = manifest["training"]["held_out"]
    assert set(map(tuple, held["attacks"].values())) == {("made",)}
    assert held["presentations"]["live"] == 11
    assert held["screen"]["bpcer"]["trials"] == 11
    for rate in (held["enrolment"]["acer"], *held["screen"]["apcer"].values(), *held["auc"].values()):
        assert 0.0 <= rate["low"] <= rate["value"] <= rate["high"] <= 1.0
    assert held["screen"]["acer"]["high"] - held["screen"]["acer"]["low"] > 0.1
    assert detector.bundle.untrained == ()
    assert 0.0 <= detector.bundle.thresholds[Purpose.SCREEN] <= detector.bundle.thresholds[Purpose.ENROLMENT] <= 1.0
    scores = [
        (detector.judge(sample.capture).score, sample.live)
        for sample in made(living, 60, np.random.default_rng(9), side=160)
    ]
    alive, attacks = (np.mean([score for score, live in scores if live is kind]) for kind in (True, False))
    assert alive > attacks


def test_the_same_seed_gives_the_same_models(living: list[Living], tmp_path: Path) -> None:
    first, second = (
        train_liveness(Material(living), tmp_path / name, count=40, side=96) for name in ("first", "second")
    )

    assert first.fusion == second.fusion
    assert first.thresholds == second.thresholds
    names = [path.name for path in sorted((tmp_path / "first").iterdir())]
    assert names == ["colour_texture.npz", "image_distortion.npz", "liveness.json", "tone.npz"]


def test_one_person_does_not_suffice(living: list[Living], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Two people"):
        train_liveness(Material(living[:1]), tmp_path / "out", count=8, side=64)

    assert not (tmp_path / "out").exists()


def test_recordings_are_split_without_tearing_films_apart(
    picture: Callable[[str], Picture], pipeline: Pipeline, tmp_path: Path
) -> None:
    shrunk = cv2.resize(picture("astronaut"), (256, 256), interpolation=cv2.INTER_AREA)
    for folder in ("real", "screen"):
        (tmp_path / folder).mkdir()
        for number in range(8):
            cv2.imwrite(str(tmp_path / folder / f"{number}.png"), shrunk[..., ::-1])
    (tmp_path / "real" / "8.png").write_bytes(b"broken")
    told: list[str] = []

    train, held = recorded(tmp_path, pipeline.detector, person=-1, say=told.append)

    assert (len(train), len(held)) == (12, 4)
    assert {sample.species for sample in held} == {None, "screen"}
    assert told == [f"1 files of {tmp_path} gave no face"]


def test_photographs_of_one_folder_are_one_person(
    picture_file: Callable[[str], bytes], pipeline: Pipeline, tmp_path: Path
) -> None:
    for name, file in (("ann/1.jpg", "obama"), ("ann/2.jpg", "obama2"), ("3.jpg", "biden")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(picture_file(file))

    found = photographed(tmp_path, pipeline.detector, first=7)

    assert sorted(one.person for one in found) == [7, 8, 8] or sorted(one.person for one in found) == [7, 7, 8]
    assert all(isinstance(one.face, Face) for one in found)


def test_the_command_judges_pictures(
    trained: Path, picture_file: Callable[[str], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    good.write_bytes(picture_file("biden"))
    bad.write_bytes(b"nothing")

    status = main(["liveness", "judge", str(good), "--threshold", "0", "--models", str(trained)])
    told = json.loads(capsys.readouterr().out)
    refused = main(["liveness", "judge", str(good), "--threshold", "1", "--models", str(trained)])
    verdict = json.loads(capsys.readouterr().out)
    broken = main(["liveness", "judge", str(bad), "--models", str(trained)])

    assert (status, refused, broken) == (0, 2, 1)
    assert told["live"] is True
    assert told["reasons"] == []
    assert 0.0 <= told["score"] <= 1.0
    assert verdict["live"] is False
    assert verdict["reasons"]
    assert json.loads(capsys.readouterr().out)["error"] == "not_an_image"


def test_the_command_refuses_a_threshold_that_is_none(trained: Path, tmp_path: Path) -> None:
    assert main(["liveness", "judge", str(tmp_path / "x.jpg"), "--threshold", "2", "--models", str(trained)]) == 1


def test_the_evaluation_marks_made_attacks_as_synthetic(
    trained: Path, picture_file: Callable[[str], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, file in (("ann/1.jpg", "obama"), ("ann/2.jpg", "obama3"), ("bob/1.jpg", "biden")):
        (tmp_path / "real" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "real" / name).write_bytes(picture_file(file))
    out, plots, labels = tmp_path / "report.json", tmp_path / "plots", tmp_path / "cohorts.csv"
    labels.write_text("person,hair\nann,dark\nbob,white\n")

    status = main(
        ["evaluate", "liveness", str(tmp_path), "--make", "1", "--models", str(trained),
         "--json", str(out), "--plots", str(plots), "--cohorts", str(labels)]
    )  # fmt: skip

    text, report = capsys.readouterr().out, json.loads(out.read_text())
    assert status == 0
    assert report["liveness_bundle"] == sha256((trained / DIRECTORY / MANIFEST).read_bytes()).hexdigest()
    assert report["synthetic_species"] == ["made_cut_print", "made_print", "made_screen", "made_warped_print"]
    assert "code made" in report["synthetic_means"]
    assert "SYNTHETIC" in text
    assert report["presentations"] == {"live": 3, **dict.fromkeys(report["synthetic_species"], 3)}
    point = report["operating_points"]["screen"]
    assert set(point["errors"]["species"]) == set(report["synthetic_species"])
    assert point["system"]["people"] == 2
    assert point["errors"]["acer"]["low"] < point["errors"]["acer"]["value"] < point["errors"]["acer"]["high"]
    assert all(area["low"] <= area["value"] <= area["high"] for area in report["auc"].values())
    assert all(line.endswith(" of 6") for line in text.splitlines() if line.startswith("AUC made_"))
    assert "RIAPAR" in text
    assert [(table["column"], table["at"]) for table in report["cohorts"]] == [
        ("hair", "enrolment"),
        ("hair", "screen"),
    ]
    rows = report["cohorts"][1]["rows"]
    assert [(row["label"], row["count"], row["rates"]["bpcer"]["trials"]) for row in rows] == [
        ("dark", 1, 2), ("white", 1, 1),
    ]  # fmt: skip
    assert "by hair, screen: BPCER; no response; refused or no response" in text
    drawn = sorted(path.name for path in plots.iterdir())
    assert drawn == ["cohorts_1.png", "cohorts_2.png", "det.png", "reliability.png", "scores.png"]


def test_the_evaluation_makes_films_of_the_living_and_of_attacks_and_says_that_both_are_made(
    trained: Path,
    picture_file: Callable[[str], bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(liveness_trials, "made_films", partial(made_films, seconds=2.5))
    (tmp_path / "real" / "ann").mkdir(parents=True)
    (tmp_path / "real" / "ann" / "1.jpg").write_bytes(picture_file("obama"))
    out = tmp_path / "report.json"

    status = main(["evaluate", "liveness", str(tmp_path), "--films", "1", "--models", str(trained), "--json", str(out)])

    text, report = capsys.readouterr().out, json.loads(out.read_text())
    assert status == 0
    assert report["presentations"] == {"live": 1, "made_replay": 1, "made_still_film": 1, "made_waved_print": 1}
    assert report["synthetic_species"] == ["made_replay", "made_still_film", "made_waved_print", "live"]
    assert report["videos"] == 4
    assert "BPCER (synthetic)" in text
    assert set(report["methods"]["motion"]["species"]) == {"made_replay", "made_still_film", "made_waved_print"}
    assert report["methods"]["motion"]["bpcer"]["trials"] == 1


def test_the_evaluation_refuses_a_folder_without_attacks(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "1.png").write_bytes(b"x")

    assert main(["evaluate", "liveness", str(tmp_path), "--models", str(trained)]) == 1


@pytest.fixture(scope="module")
def film(picture: Callable[[str], Picture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a film's twelve frames, one of which is none."""
    folder = tmp_path_factory.mktemp("film")
    shrunk = cv2.resize(picture("astronaut"), (256, 256), interpolation=cv2.INTER_AREA)
    for number in range(12):
        cv2.imwrite(str(folder / f"{number}.png"), np.roll(shrunk, number % 3, axis=1)[..., ::-1])
    (folder / "4.png").write_bytes(b"broken")
    return folder


def test_the_command_judges_films_and_takes_a_near_infrared_frame(
    trained: Path, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 15.0, (256, 256))
    for path in sorted(film.glob("1*.png")):
        writer.write(cv2.imread(str(path)))
    writer.release()
    asked = ["--threshold", "0", "--rate", "10", "--models", str(trained)]

    status = main(["liveness", "judge", str(film), "--infrared", str(film / "11.png"), *asked])
    frames = json.loads(capsys.readouterr().out)
    video = main(["liveness", "judge", str(tmp_path / "film.avi"), *asked])
    shown = json.loads(capsys.readouterr().out)
    (tmp_path / "empty.mp4").write_bytes(b"nothing")
    broken = main(["liveness", "judge", str(tmp_path / "empty.mp4"), *asked])

    assert (status, video, broken) == (0, 0, 1)
    assert (frames["looks"], shown["looks"]) == (11, 3)
    assert "infrared" in frames["log_odds"]
    assert "infrared" not in shown["log_odds"]
    assert json.loads(capsys.readouterr().out)["error"] == "no_face"


def test_a_near_infrared_frame_of_another_size_or_for_two_files_is_refused(
    trained: Path, film: Path, picture_file: Callable[[str], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, shown = tmp_path / "biden.jpg", str(film / "1.png")
    other.write_bytes(picture_file("biden"))

    size = main(["liveness", "judge", shown, "--infrared", str(other), "--models", str(trained)])
    assert capsys.readouterr().err.startswith("infrared_mismatch: ")
    two = main(["liveness", "judge", shown, shown, "--infrared", shown, "--models", str(trained)])

    assert (size, two) == (1, 1)
    assert "one FILE" in capsys.readouterr().err


def test_a_camera_is_calibrated_and_used_with_the_models_it_was_measured_with(
    trained: Path, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = [str(film / f"{number}.png") for number in (1, 2, 3, 4)]
    judged = ["liveness", "judge", faces[0], "--threshold", "0", "--models", str(trained)]
    out = tmp_path / "new" / "camera.json"

    assert main(["liveness", "calibrate-camera", *faces, "--out", str(out), "--models", str(trained)]) == 0
    told = capsys.readouterr()
    main(judged)
    before = json.loads(capsys.readouterr().out)
    main([*judged, "--camera", str(out)])
    after = json.loads(capsys.readouterr().out)

    shifts = json.loads(told.out)["shifts"]
    assert "4.png: not_an_image, left out" in told.err
    assert set(shifts) == {"colour_texture", "image_distortion", "tone"}
    weights = LivenessDetector.load(trained).bundle.fusion.weights
    moved = sum(weight * shifts[method] for method, weight in weights)
    assert (after["score"] > before["score"]) == (moved > 0.0)
    assert after["score"] != before["score"]

    out.write_text(out.read_text().replace('"bundle": "', '"bundle": "0'))
    assert main([*judged, "--camera", str(out)]) == 1
    assert "other liveness models" in capsys.readouterr().err
    out.write_text("{")
    assert main([*judged, "--camera", str(out)]) == 1
    assert capsys.readouterr().err.startswith("camera_refused: ")


def test_two_faces_calibrate_no_camera(
    trained: Path, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = [str(film / f"{number}.png") for number in (1, 2, 4)]

    assert (
        main(["liveness", "calibrate-camera", *faces, "--out", str(tmp_path / "c.json"), "--models", str(trained)]) == 1
    )
    assert "camera_refused: 2 of 3 files show a face." in capsys.readouterr().err
    assert not (tmp_path / "c.json").exists()
