"""The evaluations and the calibration from the command line, on the photographs that packages carry."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from faceid.__main__ import main
from faceid.image import decode
from faceid.openset.calibration import Calibration
from faceid.openset.templates import Templates
from faceid.pipeline import Pipeline

Run = Callable[..., tuple[int, str, str]]

PEOPLE = {"obama": ("obama", "obama2", "obama3"), "biden": ("biden",), "collins": ("astronaut",)}


@pytest.fixture(scope="module")
def images(picture_file: Callable[[str], bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out one folder per person, with one picture that is none and one without a face."""
    root = tmp_path_factory.mktemp("people")
    for person, names in PEOPLE.items():
        (root / person).mkdir()
        for number, name in enumerate(names, 1):
            (root / person / f"{person}_{number:04d}.jpg").write_bytes(picture_file(name))
    shrunk = cv2.resize(decode(picture_file("biden")), None, fx=0.5, fy=0.5)
    cv2.imwrite(str(root / "biden" / "biden_0002.jpg"), shrunk[..., ::-1])
    (root / "obama" / "obama_0004.jpg").write_bytes(b"no picture")
    cv2.imwrite(str(root / "biden" / "biden_0003.png"), np.full((200, 200, 3), 90, dtype=np.uint8))
    return root


@pytest.fixture
def run(models_dir: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        status = main([*map(str, arguments), "--models", str(models_dir)])
        return status, *capsys.readouterr()

    return command


def written(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(), parse_constant=pytest.fail)


def test_verification_counts_failures_as_non_matches_and_writes_every_figure(
    run: Run, images: Path, tmp_path: Path, pipeline: Pipeline
):
    (tmp_path / "pairs.txt").write_text(
        "1\t4\nobama\t1\t2\nobama\t1\t3\nbiden\t1\t2\nobama\t1\t4\n"
        "obama\t1\tbiden\t1\nobama\t2\tcollins\t1\nbiden\t1\tcollins\t1\nbiden\t3\tobama\t3\n"
    )
    (tmp_path / "cohorts.csv").write_text("person,hair\nobama,dark\nbiden,white\ncollins,dark\n")

    status, output, _ = run(
        "evaluate", "verification", images, "--pairs", tmp_path / "pairs.txt", "--cohorts", tmp_path / "cohorts.csv",
        "--json", tmp_path / "out" / "figures.json", "--plots", tmp_path / "plots",
    )  # fmt: skip

    figures = written(tmp_path / "out" / "figures.json")
    assert status == 0
    assert "8 pictures, 2 without embedding (not_an_image 1, no_face 1)" in output
    assert figures["contract"] == pipeline.contract().id
    assert pipeline.contract().recogniser in json.dumps(figures["models"])
    assert figures["failures"]["files"] == {"obama/obama_0004.jpg": "not_an_image", "biden/biden_0003.png": "no_face"}
    assert figures["counts"]["pairs_without_score"] == 2
    assert figures["operating_point"]["fnmr"]["value"] == 0.25
    assert figures["operating_point"]["fmr"]["value"] == 0.0
    assert figures["true_accept_rates"][0]["tar"]["value"] == 0.75
    (table,) = figures["cohorts"]
    assert sum(row["missed"]["trials"] for row in table["rows"]) == 4
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["cohorts_1.png", "det.png", "scores.png"]


def test_identification_enrols_the_first_pictures_and_keeps_strangers_out(run: Run, images: Path, tmp_path: Path):
    status, output, _ = run(
        "evaluate", "identification", images, "--json", tmp_path / "figures.json", "--plots", tmp_path / "plots"
    )

    figures = written(tmp_path / "figures.json")
    assert status == 0
    assert "people with no picture beyond the enrolled ones" in output
    assert figures["counts"] == {
        "enrolled": 2, "failures_to_enrol": 0, "templates": 2, "mated": 5, "non_mated": 1, "strangers": 1,
        "strangers_are": "people with no picture beyond the enrolled ones",
    }  # fmt: skip
    assert figures["cumulative_match"][0] == 0.6  # two of five probes have no face
    assert figures["operating_point"]["fnir"]["value"] == 0.4
    assert figures["operating_point"]["fpir"]["value"] == 0.0
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {
        "fnir_fpir.png", "thresholds.png", "cmc.png", "scores.png",
    }  # fmt: skip


def test_strangers_come_from_a_folder_of_their_own(
    run: Run, images: Path, tmp_path: Path, picture_file: Callable[[str], bytes]
):
    (tmp_path / "unknown").mkdir()
    (tmp_path / "unknown" / "somebody.jpg").write_bytes(picture_file("obama_covered"))
    known = tmp_path / "known"
    for person in ("biden", "collins"):
        (known / person).mkdir(parents=True)
        for path in (images / person).iterdir():
            (known / person / path.name).write_bytes(path.read_bytes())

    status, output, _ = run("evaluate", "identification", known, "--unknown", tmp_path / "unknown", "--quality", "any")

    assert status == 0
    assert "2 enrolled" in output
    assert "1 of 1 strangers: the folder of strangers" in output


def test_an_enrolled_person_is_no_stranger(run: Run, images: Path):
    status, _, errors = run("evaluate", "identification", images, "--unknown", images)

    assert status == 1
    assert errors.startswith("too_little_data: 3 people are in both folders")


def test_detection_measures_recall_and_landmarks(run: Run, images: Path, tmp_path: Path, pipeline: Pipeline):
    (face,) = pipeline.detector.faces(decode((images / "obama" / "obama_0001.jpg").read_bytes()))
    points, box = face.landmarks.tolist(), face.box.tolist()
    far = [0, 0, 20, 20]
    labels = {
        "obama/obama_0001.jpg": [{"box": box, "points": points}],
        "collins/collins_0001.jpg": [{"box": far}],
        "obama/obama_0004.jpg": [{"box": far}],
        "biden/biden_0003.png": [],
    }
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    (tmp_path / "cohorts.csv").write_text("person,hair\nobama,dark\nbiden,white\ncollins,dark\n")

    status, output, _ = run(
        "evaluate", "detection", images, "--points", tmp_path / "labels.json", "--json", tmp_path / "d.json",
        "--plots", tmp_path / "plots", "--cohorts", tmp_path / "cohorts.csv",
    )  # fmt: skip

    figures = written(tmp_path / "d.json")
    assert status == 0
    assert "4 pictures, 1 unreadable; 3 labelled faces" in output
    assert figures["recall"]["value"] == pytest.approx(1 / 3)
    assert figures["landmark_error"]["faces"] == 1
    assert figures["landmark_error"]["mean"] < 0.1
    assert figures["landmark_error"]["left_is"] == "of the picture"
    assert 0.0 < figures["average_precision"] <= 1 / 3
    (table,) = figures["cohorts"]
    assert [(row["label"], row["rates"]["recall"]["trials"]) for row in table["rows"]] == [("dark", 3), ("white", 0)]
    assert table["rows"][0]["rates"]["recall"]["value"] == pytest.approx(1 / 3)
    assert "by hair: recall; missed" in output
    assert sum(figures["histograms"]["labelled_faces"]["counts"]) == 1
    assert sum(map(sum, (one["counts"] for one in figures["histograms"].values()))) == figures["counts"]["finds"]
    drawn = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert drawn == ["cohorts_1.png", "precision_recall.png", "scores.png"]


def test_points_named_from_the_persons_side_are_recognised(run: Run, images: Path, tmp_path: Path, pipeline: Pipeline):
    (face,) = pipeline.detector.faces(decode((images / "obama" / "obama_0001.jpg").read_bytes()))
    swapped = face.landmarks[[1, 0, 2, 4, 3]].tolist()
    (tmp_path / "labels.json").write_text(json.dumps({"obama/obama_0001.jpg": [swapped]}))

    status, output, _ = run("evaluate", "detection", images, "--points", tmp_path / "labels.json")

    assert status == 0
    assert "recall 100.00 %" in output
    assert "the labels' left is the person's left" in output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("evaluate", "identification", "absent"), "folder_refused"),
        (("evaluate", "verification", "absent", "--pairs", "absent"), "labels_refused"),
        (("evaluate", "detection", "absent", "--points", "absent"), "labels_refused"),
        (("calibrate", "absent", "--out", "c.json"), "folder_refused"),
        (("calibrate", "absent.npz", "--out", "c.json"), "templates_refused"),
        (("calibrate", "absent", "--out", "/proc/none/c.json"), "output_refused"),
        (("evaluate", "identification", "absent", "--json", "/proc/none/i.json"), "output_refused"),
        (("evaluate", "identification", "absent", "--plots", "/proc/none"), "output_refused"),
        (("evaluate", "identification", "absent", "--json", "."), "output_refused"),
    ],
)
def test_wrong_paths_are_refused_with_a_code(
    run: Run, arguments: tuple[str, ...], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    status, output, errors = run(*arguments)

    assert (status, output) == (1, "")
    assert errors.startswith(f"{code}: ")


def gallery(pipeline: Pipeline, count: int, seed: int) -> Templates:
    """Draw people who resemble each other as little as vectors drawn at random do."""
    vectors = np.random.default_rng(seed).standard_normal((count, 128)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return Templates(pipeline.contract().id, unit, np.array([f"{seed}-{number}" for number in range(count)]))


def test_a_calibration_is_written_and_used(run: Run, images: Path, tmp_path: Path, pipeline: Pipeline):
    gallery(pipeline, 50, 1).save(tmp_path / "enrolled.npz")
    gallery(pipeline, 1200, 2).save(tmp_path / "strangers.npz")
    (tmp_path / "sites.csv").write_text("person,site\n" + "".join(f"1-{number},lobby\n" for number in range(20)))

    status, output, _ = run(
        "calibrate", tmp_path / "enrolled.npz", "--impostors", tmp_path / "strangers.npz", "--fpir", 0.02,
        "--sites", tmp_path / "sites.csv", "--out", tmp_path / "c.json",
    )  # fmt: skip

    made, said = Calibration.load(tmp_path / "c.json"), json.loads(output)
    assert status == 0
    assert said["threshold"] == pytest.approx(made.threshold, abs=1e-4)
    assert (made.gallery_size, made.impostors, made.target) == (50, 1200, 0.02)
    assert made.rate_interval[0] < 0.02 < made.rate_interval[1]
    assert made.sites["lobby"] < made.threshold
    assert made.contract == pipeline.contract().id

    run("evaluate", "identification", images, "--calibration", tmp_path / "c.json", "--json", tmp_path / "i.json")
    assert written(tmp_path / "i.json")["operating_point"]["threshold"] == made.threshold


def test_a_grown_gallery_is_pointed_out(run: Run, tmp_path: Path, pipeline: Pipeline):
    gallery(pipeline, 100, 1).save(tmp_path / "small.npz")
    gallery(pipeline, 200, 1).save(tmp_path / "large.npz")

    run("calibrate", tmp_path / "small.npz", "--fpir", 0.1, "--out", tmp_path / "old.json")
    _, _, errors = run(
        "calibrate", tmp_path / "large.npz", "--fpir", 0.1, "--out", tmp_path / "new.json",
        "--previous", tmp_path / "old.json",
    )  # fmt: skip

    assert "The gallery grew from 100 to 200 subjects" in errors


def test_templates_of_other_models_are_refused(run: Run, tmp_path: Path, pipeline: Pipeline):
    other = gallery(pipeline, 100, 1)
    Templates("emb_other", other.vectors, other.subjects).save(tmp_path / "other.npz")

    status, _, errors = run("calibrate", tmp_path / "other.npz", "--out", tmp_path / "c.json")

    assert status == 1
    assert errors.startswith("contract_mismatch: ")
    assert not (tmp_path / "c.json").exists()


def test_impostors_are_kept_only_when_asked(run: Run, images: Path, tmp_path: Path):
    status, _, errors = run(
        "calibrate",
        images,
        "--impostors",
        images,
        "--keep-impostors",
        tmp_path / "kept.npz",
        "--out",
        tmp_path / "c.json",
    )

    assert status == 1  # three people are no impostor set
    assert "calibration_refused: There are 6 impostor searches" in errors
    assert len(Templates.load(tmp_path / "kept.npz")) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.npz"]
