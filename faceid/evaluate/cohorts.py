"""Errors by cohort, where somebody has said who belongs to which. Labels are read, never guessed from a picture."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from faceid.evaluate.errors import LabelsRefused
from faceid.evaluate.folder import Picture
from faceid.evaluate.identification import Searches
from faceid.evaluate.intervals import LEVEL, Estimate, rate_over_people
from faceid.evaluate.verification import Comparisons

UNLABELLED = "(unlabelled)"
MIXED = "(two cohorts)"
FEW_PEOPLE = 30
"""Cohorts with fewer people are marked: their rates say little (the rule of thirty: Doddington et al., 2000)."""

_KEYS = ("file", "person")


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Labels somebody gave.

    Attributes:
        key: ``file`` or ``person``: what the labels are given to.
        columns: per column, the label of each file or person.
    """

    key: str
    columns: Mapping[str, Mapping[str, str]]

    def label(self, column: str, picture: Picture) -> str:
        """Return a picture's label, :data:`UNLABELLED` where none was given."""
        name = picture.name if self.key == "file" else picture.person
        return self.columns[column].get(name, UNLABELLED)


@dataclass(frozen=True, slots=True)
class Row:
    """One cohort's errors.

    Attributes:
        label: the cohort; comparisons across two are in a row of their own.
        people: different people whose genuine trials were counted.
        missed: rate of false non-matches (verification) or FNIR (identification).
        admitted: rate of false matches within the cohort, or FPIR of its strangers.
        few: fewer than thirty people.
    """

    label: str
    people: int
    missed: Estimate
    admitted: Estimate
    few: bool


@dataclass(frozen=True, slots=True)
class Differential:
    """How far the worst cohort's rate lies above the best's and above the middle.

    Attributes:
        worst, best: labels; of cohorts with at least thirty people where there are two such, else of all.
        ratio: worst over best, with half an error added to both, so that no errors do not divide by zero.
        over_mean: worst over the geometric mean of all cohorts (Grother, NISTIR 8429, 2022, measure "worst over
            mean"), with the same correction.
    """

    worst: str
    best: str
    ratio: Estimate
    over_mean: float


@dataclass(frozen=True, slots=True)
class Table:
    """Errors of all cohorts of one column: rows, and how different they are (None with a single cohort)."""

    column: str
    rows: tuple[Row, ...]
    missed: Differential | None
    admitted: Differential | None


def read(path: Path) -> Cohorts:
    """Read a table with the column ``file`` or ``person`` and one or more columns of labels.

    Raises:
        LabelsRefused: unreadable, without those columns, or with two different labels for one file or person.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(f"{path} cannot be read ({type(error).__name__}).", "a text file in UTF-8.") from error
    head = text.splitlines()[0] if text.strip() else ""
    rows = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=head.count))
    fields = [(field or "").strip() for field in rows.fieldnames or ()]
    key = next((name for name in _KEYS if name in [field.lower() for field in fields]), None)
    labels = [field for field in fields if field and field.lower() not in _KEYS]
    if key is None or not labels:
        raise _refused(f"{path} begins with {head[:60]!r}.", "the column `file` or `person` and a column of labels.")
    columns: dict[str, dict[str, str]] = {label: {} for label in labels}
    for number, row in enumerate(rows, 2):
        clean = {(name or "").strip(): (value or "").strip() for name, value in row.items() if isinstance(value, str)}
        name = next((value for field, value in clean.items() if field.lower() == key), "")
        for column in labels:
            label = clean.get(column, "")
            if label and columns[column].setdefault(name, label) != label:
                raise _refused(f"Line {number} of {path} gives {name!r} a second label in {column!r}.", "one label.")
    return Cohorts(key, columns)


def compared(
    cohorts: Cohorts, comparisons: Comparisons, first: Sequence[Picture], second: Sequence[Picture], threshold: float
) -> list[Table]:
    """Tabulate false non-matches and false matches at a threshold, one table for each column of labels.

    Args:
        cohorts: labels of files or people.
        comparisons: n scored pairs of pictures.
        first, second: the pictures of each pair, n of each, in the order of ``comparisons``.
        threshold: least raw cosine of a match, -1 to 1.

    A genuine comparison belongs to its person's cohort, an impostor comparison to the cohort both people share; those
    across two cohorts, and genuine ones of pictures labelled differently, stand in a row of their own, so that the
    rows sum to the totals.
    """
    passed = comparisons.scores >= threshold
    tables = []
    for column in cohorts.columns:
        one = np.array([cohorts.label(column, picture) for picture in first])
        two = np.array([cohorts.label(column, picture) for picture in second])
        label = np.where(one == two, one, MIXED)
        same = comparisons.same
        tables.append(_table(
            column,
            (~passed[same], label[same], comparisons.first[same]),
            (passed[~same], label[~same], comparisons.first[~same]),
        ))  # fmt: skip
    return tables


def searched(
    cohorts: Cohorts, searches: Searches, shown: Sequence[Picture], threshold: float, margin: float
) -> list[Table]:
    """Tabulate FNIR of the enrolled and FPIR of the strangers of each cohort, one table for each column of labels.

    Args:
        cohorts: labels of files or people.
        searches: n searches, of enrolled people and of strangers.
        shown: the picture that each search showed, n, in the order of ``searches``.
        threshold: least raw cosine at which somebody is named, -1 to 1.
        margin: least distance in cosine between the best and the second-best person.
    """
    mated = searches.mated
    missed, admitted = searches.right(margin) < threshold, searches.wrong(margin) >= threshold
    tables = []
    for column in cohorts.columns:
        label = np.array([cohorts.label(column, picture) for picture in shown])
        tables.append(_table(
            column,
            (missed, label[mated], searches.person[mated]),
            (admitted, label[~mated], searches.person[~mated]),
        ))  # fmt: skip
    return tables


_Trials = tuple[NDArray[np.bool_], NDArray[np.str_], NDArray[np.int64]]


def _table(column: str, genuine: _Trials, impostor: _Trials) -> Table:
    labels = sorted({str(label) for label in np.concatenate([genuine[1], impostor[1]])})
    rows = []
    for label in labels:
        mine, theirs = genuine[1] == label, impostor[1] == label
        people = len(np.unique(genuine[2][mine]))
        missed = rate_over_people(genuine[0][mine], genuine[2][mine])
        admitted = rate_over_people(impostor[0][theirs], impostor[2][theirs])
        rows.append(Row(label, people, missed, admitted, people < FEW_PEOPLE))
    proper = [row for row in rows if row.label not in (MIXED, UNLABELLED)]
    many = [row for row in proper if not row.few]
    used = many if len(many) > 1 else proper
    return Table(
        column,
        tuple(rows),
        differential({row.label: row.missed for row in used}),
        differential({row.label: row.admitted for row in used}),
    )


def differential(rates: Mapping[str, Estimate], level: float = LEVEL) -> Differential | None:
    """Compare cohorts' rates; None where fewer than two have trials.

    The interval of the ratio is that of Katz et al., Biometrics 34(3), 1978, with half an error and half a trial more
    on either side (Walter, Biometrika 62(2), 1975). Worst and best were picked by looking at the same data, so a
    ratio above 1 is expected even of equal cohorts: read the interval's lower end.
    """
    counted = {label: rate for label, rate in rates.items() if rate.trials}
    if len(counted) < 2:
        return None
    errors = {label: rate.value * rate.trials + 0.5 for label, rate in counted.items()}
    shares = {label: errors[label] / (rate.trials + 0.5) for label, rate in counted.items()}
    worst, best = max(shares, key=lambda label: shares[label]), min(shares, key=lambda label: shares[label])
    if worst == best:
        worst, best = list(shares)[:2]
    ratio = shares[worst] / shares[best]
    spread = sum(1 / errors[one] - 1 / (counted[one].trials + 0.5) for one in (worst, best))
    wide = float(np.exp(NormalDist().inv_cdf(0.5 + level / 2) * np.sqrt(max(spread, 0.0))))
    trials = counted[worst].trials + counted[best].trials
    mean = float(np.exp(np.mean(np.log(list(shares.values())))))
    return Differential(worst, best, Estimate(ratio, ratio / wide, ratio * wide, trials), shares[worst] / mean)


def _refused(happened: str, expected: str) -> LabelsRefused:
    return LabelsRefused(happened, expected=expected, remedy="Correct the table; docs/evaluation.md shows one.")
