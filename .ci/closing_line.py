"""Adds up the JUnit reports named on the command line: a line for each failure, then one: ``N passed, N failed``."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

WRONG = {"failure": "failed", "error": "failed", "skipped": "skipped"}
LONGEST = 300
"""Characters of what a failure says that are repeated."""


def outcomes(report: Path) -> Iterator[tuple[str, str]]:
    """Yield each test case's outcome, and what went wrong; a report that is missing counts as one failure."""
    if not report.exists():
        yield "failed", f"{report.name}: left no report"
        return
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - written by our own run a moment ago
        wrong = next((child for child in case if child.tag in WRONG), None)
        if wrong is None:
            yield "passed", ""
        else:
            said = " ".join(wrong.get("message", "").split())[:LONGEST]
            yield WRONG[wrong.tag], f"{case.get('classname')}::{case.get('name')}: {said}"


def main(reports: list[str]) -> int:
    """Print the lines; the exit code says whether everything passed."""
    found = [outcome for report in reports for outcome in outcomes(Path(report))]
    total = Counter(outcome for outcome, _ in found)
    for said in (said for outcome, said in found if outcome == "failed"):
        print(f"FAILED: {said}")  # noqa: T201
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    print(f"{total['passed']} passed, {total['failed']} failed{skipped}")  # noqa: T201
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
