"""Rates by cohort where every trial is a presentation or a face, not a comparison: liveness and detection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from faceid.evaluate.cohorts import FEW_PEOPLE, UNLABELLED, Cohorts, Differential, differential
from faceid.evaluate.detection import FoundFace, LabelledFace, match, recall
from faceid.evaluate.folder import Picture
from faceid.evaluate.intervals import Estimate, wilson
from faceid.evaluate.liveness import Scored
from faceid.evaluate.report import percent

Marked = tuple[Sequence[LabelledFace], Sequence[FoundFace]]
"""Labels and finds of one picture."""


@dataclass(frozen=True, slots=True)
class RateRow:
    """One cohort.

    Attributes:
        label: the cohort.
        count: how many different people, or pictures; see :attr:`RateTable.counted`.
        rates: by name, with Wilson's intervals.
        few: fewer than thirty of them.
    """

    label: str
    count: int
    rates: Mapping[str, Estimate]
    few: bool


@dataclass(frozen=True, slots=True)
class RateTable:
    """All cohorts of one column.

    Attributes:
        column: what the labels say.
        at: operating point, such as ``screen``; None where there is one alone.
        counted: ``people`` or ``pictures``.
        rows: rows sum to the totals; what has no label is a row of its own.
        apart: by rate that is an error, how different the cohorts are; None with a single one.
    """

    column: str
    at: str | None
    counted: str
    rows: tuple[RateRow, ...]
    apart: Mapping[str, Differential | None]


def living(
    cohorts: Cohorts, shown: Sequence[Picture], scored: Scored, lost: Sequence[bool], at: str
) -> list[RateTable]:
    """Tabulate what happens to living people at an operating point.

    Args:
        cohorts: labels somebody gave.
        shown: the presentations of living people.
        scored: what they got; one entry for each that is not lost, in their order.
        lost: whether each gave no response.
        at: name of the operating point.

    Returns:
        Per column ``bpcer``, of those with a response; ``bpnrr``, without one; ``refused``, both, of all.
    """
    without = np.array(lost, dtype=np.bool_)
    refused = without.copy()
    refused[~without] = ~scored.passed
    tables = []
    for column in cohorts.columns:
        labels = np.array([cohorts.label(column, one) for one in shown])
        rows = []
        for label in sorted(set(labels.tolist())):
            mine = labels == label
            total, absent, failed = (int(one.sum()) for one in (mine, mine & without, mine & refused))
            rates = {
                "bpcer": wilson(failed - absent, total - absent),
                "bpnrr": wilson(absent, total),
                "refused": wilson(failed, total),
            }
            people = len({one.person for one, is_mine in zip(shown, mine, strict=True) if is_mine})
            rows.append(RateRow(label, people, rates, people < FEW_PEOPLE))
        tables.append(_table(column, at, "people", rows, ("bpcer", "bpnrr", "refused")))
    return tables


def detected(cohorts: Cohorts, shown: Sequence[Picture], marked: Sequence[Marked], threshold: float) -> list[RateTable]:
    """Tabulate the share of labelled faces that is found, and of those that is not, at a score.

    Args:
        cohorts: labels somebody gave to files, or to the folders that lie below the folder of pictures.
        shown: the pictures.
        marked: labels and finds of each; a picture that cannot be read has none of the latter.
        threshold: least score of a find.
    """
    tables = []
    for column in cohorts.columns:
        labels = [cohorts.label(column, one) for one in shown]
        rows = []
        for label in sorted(set(labels)):
            pictures = [one for one, theirs in zip(marked, labels, strict=True) if theirs == label]
            found = recall(match(pictures), threshold)
            missed = Estimate(1.0 - found.value, 1.0 - found.high, 1.0 - found.low, found.trials)
            rows.append(RateRow(label, len(pictures), {"recall": found, "missed": missed}, found.trials < FEW_PEOPLE))
        tables.append(_table(column, None, "pictures", rows, ("missed",)))
    return tables


def rate_lines(tables: Sequence[RateTable], names: Mapping[str, str]) -> list[str]:
    """Write tables for people: one line per cohort, and how far apart worst and best are.

    Args:
        tables: of :func:`living` or :func:`detected`.
        names: what the rates to write are called, by name.
    """
    lines = []
    for table in tables:
        lines.append(f"by {titled(table)}: {'; '.join(names.values())}")
        for row in table.rows:
            rates = "; ".join(percent(row.rates[name]) for name in names)
            lines.append(f"  {row.label:<24} {rates}; {row.count} {table.counted}{'  (few)' if row.few else ''}")
        for name, gap in table.apart.items():
            if gap is not None and name in names:
                ratio = f"{gap.ratio.value:.1f} [{gap.ratio.low:.1f}, {gap.ratio.high:.1f}]"
                lines.append(f"  {names[name]}: {gap.worst} over {gap.best}: {ratio} times")
    return lines


def titled(table: RateTable) -> str:
    """Write what a table is about: the column, and the operating point where there are several."""
    return table.column if table.at is None else f"{table.column}, {table.at}"


def _table(column: str, at: str | None, counted: str, rows: Sequence[RateRow], errors: Sequence[str]) -> RateTable:
    proper = [row for row in rows if row.label != UNLABELLED]
    many = [row for row in proper if not row.few]
    used = many if len(many) > 1 else proper
    apart = {name: differential({row.label: row.rates[name] for row in used}) for name in errors}
    return RateTable(column, at, counted, tuple(rows), apart)
