import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceid.errors import ContractMismatch
from faceid.openset.calibrate import Request, among_themselves, calibrate
from faceid.openset.calibration import Calibration, Method, needs_recalibration
from faceid.openset.errors import CalibrationRefused, TemplatesRefused
from faceid.openset.templates import Templates

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def people(seed: int, count: int, pictures: int = 1, *, name: str = "p", spread: float = 0.7) -> Templates:
    random = np.random.default_rng(seed)
    centres = np.repeat(random.standard_normal((count, 64)), pictures, axis=0)
    vectors = centres + spread * random.standard_normal(centres.shape)
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Templates("emb_one", unit, np.repeat([f"{name}{number}" for number in range(count)], pictures))


@pytest.fixture(scope="module")
def made() -> Calibration:
    return calibrate(people(1, 80, 2), people(2, 1500, name="x"), Request(0.02), at=AT)


def test_strangers_are_named_as_often_as_was_asked(made: Calibration):
    enrolled, others = people(1, 80, 2), people(3, 20_000, name="y")

    named = np.mean((others.vectors @ enrolled.vectors.T).max(axis=1) >= made.threshold)

    assert made.method is Method.EMPIRICAL
    assert made.rate_interval[0] <= named <= made.rate_interval[1]
    assert made.gallery_size == 80
    assert made.impostors == 1500


def test_the_gallery_itself_serves_where_there_are_no_strangers():
    made = calibrate(people(1, 1500), None, Request(0.02), at=AT)

    others = people(9, 1000, name="y")
    named = np.mean((others.vectors @ people(1, 1500).vectors.T).max(axis=1) >= made.threshold)
    assert made.rate_interval[0] <= named <= made.rate_interval[1]
    assert made.report["impostors_are"] == "the enrolled subjects among each other"
    assert made.probability is None


def test_templates_of_one_subject_are_no_impostors_of_each_other():
    own = among_themselves(people(1, 40, 3, spread=0.1))

    assert own.mated.all()
    assert (own.mate > 0.9).all()
    assert (own.other < 0.7).all()


def test_a_cautious_calibration_takes_the_upper_end(made: Calibration):
    cautious = calibrate(people(1, 80, 2), people(2, 1500, name="x"), Request(0.02, cautious=True), at=AT)

    assert cautious.threshold == made.threshold_interval[1] >= made.threshold


def test_the_margin_is_measured_and_never_lets_more_strangers_in(made: Calibration):
    rates = [row["fpir"]["value"] for row in made.report["margin"]]
    misses = [row["fnir"]["value"] for row in made.report["margin"]]

    assert rates == sorted(rates, reverse=True)
    assert misses == sorted(misses)
    assert made.report["margin"][0]["margin"] == 0.0


def test_cosines_become_probabilities_where_people_have_several_pictures(made: Calibration):
    assert made.probability is not None
    assert made.probability.score(0.9).probability > 0.9
    assert made.probability.score(0.1).probability < 0.1
    assert made.report["reliability"]["expected_calibration_error"] < 0.1


def test_each_site_has_the_threshold_of_its_own_gallery():
    sites = {"north": [f"p{number}" for number in range(10)], "south": [f"p{number}" for number in range(10, 80)],
             "empty": []}  # fmt: skip

    made = calibrate(people(1, 80), people(2, 1500, name="x"), Request(0.02), at=AT, sites=sites)

    assert set(made.sites) == {"north", "south"}
    assert made.sites["north"] < made.sites["south"] < made.threshold + 0.02
    assert made.threshold_at("north") == made.sites["north"]
    assert made.threshold_at("elsewhere") == made.threshold


def test_cohorts_are_reported_and_the_worst_may_set_the_threshold():
    enrolled, strangers = people(1, 80), people(2, 1500, name="x")
    nearer = strangers.vectors.copy()
    nearer[:700] += 0.25 * enrolled.vectors[0]
    nearer /= np.linalg.norm(nearer, axis=1, keepdims=True)
    strangers = Templates("emb_one", nearer, strangers.subjects)
    labels = {"group": {f"x{number}": "a" if number < 700 else "b" for number in range(1500)}}

    made = calibrate(enrolled, strangers, Request(0.05), at=AT, cohorts=labels)
    worst = calibrate(enrolled, strangers, Request(0.05, worst_cohort=True), at=AT, cohorts=labels)

    rows = {row["label"]: row for row in made.report["cohorts"]}
    assert sum(row["people"] for row in rows.values()) == 1500
    assert rows["a"]["fpir"]["value"] > rows["b"]["fpir"]["value"]
    assert worst.threshold == max(rows["a"]["threshold"], rows["b"]["threshold"]) > made.threshold


def test_contracts_are_never_mixed(made: Calibration):
    strangers = replace(people(2, 100), contract="emb_two")

    with pytest.raises(ContractMismatch):
        calibrate(people(1, 20), strangers, Request(0.1), at=AT)
    with pytest.raises(ContractMismatch):
        made.require("emb_two")
    made.require("emb_one")


def test_a_single_subject_is_no_gallery():
    with pytest.raises(CalibrationRefused, match="two subjects"):
        calibrate(people(1, 1, 3), people(2, 100), Request(0.1), at=AT)


def test_a_calibration_survives_being_written_down(made: Calibration, tmp_path: Path):
    made.save(tmp_path / "calibration.json")

    assert Calibration.load(tmp_path / "calibration.json").fields() == json.loads(json.dumps(made.fields()))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"}, {"threshold": "high"}, {"threshold": None}, {"threshold": 1e400}, {"threshold": -3},
        {"made_at": "yesterday"}, {"made_at": "2026-11-22T12:00:00"}, {"gallery_size": 0}, {"method": "guess"},
        {"rate_interval": [0.1]}, {"sites": []}, {"sites": {"a": float("inf")}}, {"margin": -1},
        {"probability": {"curve": "logistic", "knots": [], "evidence": [1], "genuine": 1, "impostor": 1}},
    ],
)  # fmt: skip
def test_a_damaged_calibration_is_refused(made: Calibration, change: dict[str, Any], tmp_path: Path):
    (tmp_path / "bad.json").write_text(json.dumps(made.fields() | change))

    with pytest.raises(CalibrationRefused):
        Calibration.load(tmp_path / "bad.json")


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000, '{"format": "faceid-calibration-1"}'])
def test_what_is_no_calibration_is_refused(content: str, tmp_path: Path):
    (tmp_path / "bad.json").write_text(content)

    with pytest.raises(CalibrationRefused):
        Calibration.load(tmp_path / "bad.json")


def test_a_doubled_gallery_asks_for_another_calibration(made: Calibration):
    assert needs_recalibration(made, 159) is None
    assert needs_recalibration(made, 80, "emb_one") is None
    grown, changed = needs_recalibration(made, 160), needs_recalibration(made, 80, "emb_two")
    assert grown is not None
    assert "from 80 to 160" in grown
    assert changed is not None
    assert "models changed" in changed


def test_templates_survive_being_written_down_and_only_their_owner_reads_them(tmp_path: Path):
    templates = people(1, 5, 2)

    templates.save(tmp_path / "t.npz")

    again = Templates.load(tmp_path / "t.npz")
    assert (tmp_path / "t.npz").stat().st_mode & 0o777 == 0o600
    assert again.contract == "emb_one"
    np.testing.assert_allclose(again.vectors, templates.vectors, atol=1e-6)
    assert again.subjects.tolist() == templates.subjects.tolist()


def test_files_that_are_no_templates_are_refused(tmp_path: Path):
    (tmp_path / "text.npz").write_text("hello")
    np.savez(
        tmp_path / "objects.npz", contract=np.array("e"), vectors=np.eye(2), subjects=np.array([{}, 1], dtype=object)
    )
    np.savez(tmp_path / "long.npz", contract=np.array("e"), vectors=3 * np.eye(2), subjects=np.array(["a", "b"]))
    np.savez(tmp_path / "few.npz", contract=np.array("e"), vectors=np.eye(2), subjects=np.array(["a"]))
    np.savez(tmp_path / "part.npz", vectors=np.eye(2))

    for name in ("text", "objects", "long", "few", "part", "absent"):
        with pytest.raises(TemplatesRefused):
            Templates.load(tmp_path / f"{name}.npz")
