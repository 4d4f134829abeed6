"""Adds up the JUnit reports named on the command line into one line: ``N passed, N failed``."""

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

WRONG = {"failure": "failed", "error": "failed", "skipped": "skipped"}


def outcomes(report: Path) -> Counter[str]:
    """Count the test cases of one report by outcome; a report that is missing counts as one failure."""
    if not report.exists():
        return Counter(failed=1)
    cases = ElementTree.parse(report).iter("testcase")  # noqa: S314 - written by our own run a moment ago
    return Counter(next((WRONG[child.tag] for child in case if child.tag in WRONG), "passed") for case in cases)


def main(reports: list[str]) -> int:
    """Print the line; the exit code says whether everything passed."""
    total = sum((outcomes(Path(report)) for report in reports), Counter[str]())
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    print(f"{total['passed']} passed, {total['failed']} failed{skipped}")  # noqa: T201
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
