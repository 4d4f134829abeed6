"""Check a feature set, or the columns of a log, against what models may be told."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from recsys.columns import WordLists, Words
from recsys.guard import FAMILIES, FeaturePolicy
from recsys.proxies import WARNING, ProxiesRefused, Strength, in_bins, singly, strength

NAME = "lint"
HELP = "find features that no model may use, or that stand in for a cohort you declare"


class LintRefused(ValueError):
    """The file or the options cannot be used; ``code`` is stable, the sentence is for people."""

    code = "lint_refused"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the file, the deny list and the cohort."""
    parser.add_argument(
        "file", type=Path, metavar="SPEC|LOG",
        help="features as .json (names, or objects with a name), a model as .onnx, or a log as .parquet or .csv",
    )  # fmt: skip
    parser.add_argument(
        "--deny", type=_names, default=frozenset(), metavar="ENTRIES",
        help=f"names, patterns and families a scene denies, separated by commas; families: {', '.join(FAMILIES)}",
    )  # fmt: skip
    parser.add_argument(
        "--cohort", metavar="COLUMN", help="of a log: cohorts you declare; tells which features stand in for them"
    )
    parser.add_argument("--person", metavar="COLUMN", help="of a log: to whom each row belongs, for --cohort")
    parser.add_argument(
        "--threshold", type=_share, default=WARNING, help="area under the curve that warns (%(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="file for the report")


def run(options: argparse.Namespace) -> int:
    """Print what may not be used and what stands in for a cohort; 1 when there is anything."""
    set_aside = [name for name in (options.cohort, options.person) if name is not None]
    names = [name for name in _names_in(options.file) if name not in set_aside]
    findings = FeaturePolicy(options.deny).findings(names)
    strengths = _strengths(options, names) if options.cohort is not None else []
    warned = [one for one in strengths if one.warns(options.threshold)]
    for finding in findings:
        print(f"refused: {finding}")
    for one in strengths:
        mark = "stands in" if one in warned else "tells little"
        print(f"{mark}: {one.feature} for {one.cohort}: AUC {one.auc:.3f}, information {one.information:.3f}")
    print(f"{options.file.name}: {len(names)} features, {len(findings)} refused, {len(warned)} standing in")
    if options.json is not None:
        _write(options.json, findings, strengths)
    return int(bool(findings or warned))


def _strengths(options: argparse.Namespace, names: list[str]) -> list[Strength]:
    columns = _columns(options.file)
    missing = [name for name in (options.cohort, options.person) if name is not None and name not in columns]
    if missing:
        raise LintRefused(f"{options.file.name} has no column {missing[0]!r}; it has: {', '.join(sorted(columns))}.")
    cohort = Words.of([None if one is None else str(one) for one in columns[options.cohort]])
    people = None
    if options.person is not None:
        people = Words.of([None if one is None else str(one) for one in columns[options.person]]).codes.astype(np.int64)
        people = np.where(people < 0, np.arange(len(people)) + len(people), people)
    try:
        found = [strength(name, _values(columns[name]), cohort, people) for name in names]
    except ProxiesRefused as error:
        raise LintRefused(f"{options.file.name}: {error}.") from error
    return sorted(found, key=lambda one: (-one.auc, one.feature))


def _names_in(file: Path) -> list[str]:
    try:
        if file.suffix == ".json":
            return _names_of_json(json.loads(file.read_text("utf-8")))
        if file.suffix == ".onnx":
            from recsys.serving.ranker import open_session

            return [node.name for node in open_session(file.read_bytes()).get_inputs()]
    except Exception as error:  # onnxruntime has no class of its own for a broken file
        raise LintRefused(f"{file} cannot be read as features: {error}.") from error
    return list(_table(file).column_names)


def _names_of_json(content: Any) -> list[str]:
    features = content.get("features") if isinstance(content, dict) else content
    names = [one.get("name") if isinstance(one, dict) else one for one in features or [None]]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("expected a list of names, or of objects with a name, or an object with such features")
    return [str(name) for name in names]


def _columns(file: Path) -> dict[str, list[Any]]:
    if file.suffix in (".json", ".onnx"):
        raise LintRefused(f"{file.name} holds no rows, which --cohort needs; give a .parquet or .csv file.")
    content: dict[str, list[Any]] = _table(file).to_pydict()
    return content


def _table(file: Path) -> Any:
    # what only training installs is loaded when it is used
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if file.suffix == ".parquet":
            return pyarrow.parquet.read_table(file)
        if file.suffix in (".csv", ".tsv"):
            delimiter = "\t" if file.suffix == ".tsv" else ","
            return pyarrow.csv.read_csv(file, parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter))
    except (OSError, pa.ArrowException) as error:
        raise LintRefused(f"{file} cannot be read: {error}.") from error
    raise LintRefused(f"{file.name} is none of .json, .onnx, .parquet, .csv and .tsv.")


def _values(column: list[Any]) -> WordLists:
    known = next((one for one in column if one is not None), None)
    if isinstance(known, list):
        return WordLists.of([[str(word) for word in one or [] if word is not None] for one in column])
    if isinstance(known, float):
        return in_bins(np.array([np.nan if one is None else one for one in column], dtype=np.float64))
    return singly([None if one is None else str(one) for one in column])


def _write(path: Path, findings: list[Any], strengths: list[Strength]) -> None:
    content = {
        "refused": [{"feature": one.name, "ground": one.ground, "entry": one.entry} for one in findings],
        "proxies": [
            {"feature": one.feature, "cohort": one.cohort, "auc": one.auc, "information": one.information}
            for one in strengths
        ],
    }
    try:
        path.write_text(json.dumps(content, indent=2), "utf-8")
    except OSError as error:
        raise LintRefused(f"{path} cannot be written: {error.strerror}.") from error


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _share(text: str) -> float:
    number = float(text)
    if not 0.5 < number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0.5 and at most 1")
    return number
