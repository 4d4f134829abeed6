"""`python -m recsys lint`: what no model may use, and what stands in for a cohort."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from recsys.__main__ import main
from recsys.features import DEFAULT_SPEC

RANDOM = np.random.default_rng(5)


@pytest.fixture
def log(tmp_path):
    """Write a log of two hundred people in two cohorts; `branch` stands in for the cohort, `hour` does not."""

    def write(name="log.parquet", **columns):
        people = RANDOM.integers(0, 200, 1_000)
        cohorts = RANDOM.integers(0, 2, 200)[people]
        table = pa.table(
            {
                "viewer": [f"sub_{one}" for one in people],
                "branch": [f"branch {one if RANDOM.random() < 0.9 else 1 - one}" for one in cohorts],
                "hour": RANDOM.integers(0, 24, 1_000),
                "tried": [["a"] if one else ["b", "c"] for one in cohorts],
                "declared": [f"cohort {one}" for one in cohorts],
            }
            | columns
        )
        path = tmp_path / name
        (pyarrow.parquet.write_table if name.endswith("parquet") else pyarrow.csv.write_csv)(table, path)
        return path

    return write


def test_the_features_of_ranking_pass(tmp_path, capsys):
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"features": [{"name": name} for name in DEFAULT_SPEC.names]}))

    assert main(["lint", str(spec)]) == 0
    assert capsys.readouterr().out == "spec.json: 15 features, 0 refused, 0 standing in\n"


@pytest.mark.parametrize("content", [["hour", "gender"], [{"name": "gender"}], {"features": ["gender"]}])
def test_a_protected_attribute_fails_by_name(tmp_path, capsys, content):
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(content))

    assert main(["lint", str(spec)]) == 1
    assert "refused: feature 'gender' is an attribute that nobody may be sorted by" in capsys.readouterr().out


def test_what_a_scene_denies_fails_by_name_and_entry(log, tmp_path, capsys):
    path = log(home_postcode=["x"] * 1_000)

    assert main(["lint", str(path)]) == 0
    assert main(["lint", str(path), "--deny", "wealth,bran*", "--json", str(tmp_path / "out.json")]) == 1

    assert "feature 'home_postcode' is on the list of what a scene denies (wealth)" in capsys.readouterr().out
    assert json.loads((tmp_path / "out.json").read_text())["refused"] == [
        {"feature": "branch", "ground": "denied", "entry": "bran*"},
        {"feature": "home_postcode", "ground": "denied", "entry": "wealth"},
    ]


@pytest.mark.parametrize("name", ["log.parquet", "log.csv"])
def test_what_stands_in_for_a_declared_cohort_is_reported(log, capsys, name):
    lists = {} if name.endswith("parquet") else {"tried": ["a"] * 1_000}
    path = log(name, **lists)

    status = main(["lint", str(path), "--cohort", "declared", "--person", "viewer"])

    out = capsys.readouterr().out
    assert status == 1
    assert "stands in: branch for cohort" in out
    assert "tells little: hour for cohort" in out
    assert ("stands in: tried" in out) is name.endswith("parquet")
    assert "declared" not in out


def test_a_higher_threshold_warns_of_less(log):
    path = log(tried=[["a"]] * 1_000)
    columns = ["--cohort", "declared", "--person", "viewer"]

    assert main(["lint", str(path), *columns, "--threshold", "0.99"]) == 0
    assert main(["lint", str(path), *columns, "--threshold", "0.6"]) == 1


def test_a_models_inputs_are_read(write_model, capsys):
    path, _ = write_model()

    assert main(["lint", str(path)]) == 0
    assert "0 refused" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("spec.json", "{", "cannot be read as features"),
        ("spec.json", '{"features": [1]}', "list of names"),
        ("model.onnx", "no model", "cannot be read as features"),
        ("log.parquet", "no parquet", "cannot be read"),
        ("log.txt", "x", "is none of"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, capsys, name, content, reason):
    path = tmp_path / name
    path.write_text(content)

    assert main(["lint", str(path)]) == 1
    assert reason in capsys.readouterr().err


def test_a_file_that_is_not_there_is_refused(tmp_path, capsys):
    assert main(["lint", str(tmp_path / "gone.csv")]) == 1
    assert "gone.csv" in capsys.readouterr().err


def test_a_cohort_that_is_no_column_is_refused_with_the_columns_there_are(log, capsys):
    assert main(["lint", str(log()), "--cohort", "income_group"]) == 1
    assert "has no column 'income_group'; it has: branch, declared, hour" in capsys.readouterr().err


def test_a_cohort_of_one_kind_is_refused(log, capsys):
    assert main(["lint", str(log(declared=["same"] * 1_000)), "--cohort", "declared"]) == 1
    assert "two cohorts" in capsys.readouterr().err


def test_features_without_rows_tell_nothing_about_cohorts(tmp_path, capsys):
    spec = tmp_path / "spec.json"
    spec.write_text('["hour"]')

    assert main(["lint", str(spec), "--cohort", "declared"]) == 1
    assert "holds no rows" in capsys.readouterr().err
