"""Federated and central training on the same log, side by side: every venue a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from recsys.features import FeatureSpec
from recsys.training.federated.central import CentralReport, train_centrally
from recsys.training.federated.logs import deal, read_split
from recsys.training.federated.report import FederationReport
from recsys.training.federated.server import coordinate
from recsys.training.federated.settings import Federation, Link
from recsys.training.progress import Progress, silent
from recsys.training.report import write_whole

GRACE = 30.0
"""Seconds that venues have to end by themselves."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two trainings on the same rows."""

    federated: FederationReport
    central: CentralReport

    def write(self, path: Path) -> None:
        """Write both reports as JSON, whole or not at all."""
        write_whole(path, json.dumps(asdict(self), indent=2).encode())

    def table(self) -> str:
        """Return both as a table for a terminal."""
        federated, central = self.federated, self.central
        how = f"federated, {federated.venues} venues" + (", secure" if federated.secure else "")
        traffic = f"{(federated.bytes_sent + federated.bytes_received) / 1e6:.1f} MB"
        lines = [
            ("", "AUC", "log loss", "best of", "traffic", "seconds"),
            (
                how, _number(federated.test_auc), _number(federated.test_log_loss),
                f"round {federated.best_round} of {len(federated.rounds) - 1}", traffic, f"{federated.seconds:.0f}",
            ),
            (
                "central", _number(central.test_auc), _number(central.test_log_loss),
                f"pass {central.best_pass} of {len(central.validation_log_loss) - 1}", "-", f"{central.seconds:.0f}",
            ),
        ]  # fmt: skip
        widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
        rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join(row.rstrip() for row in [*rows, f"{federated.test_rows} later rows of all venues"])


def compare(
    log: Path,
    federation: Federation,
    link: Link,
    spec: FeatureSpec,
    *,
    share_viewers: bool,
    progress: Progress = silent,
) -> Comparison:
    """Deal a log out to venues, train with them over the link, then train on all of it in one place.

    Raises:
        ForbiddenFeature: a column is derived from a face.
        TrainingRefused: the log cannot be learnt from or dealt out, or the venues did not come.
    """
    with TemporaryDirectory(prefix="venues-") as folder:
        paths = deal(log, federation.venues, Path(folder))
        splits = [read_split(path, spec, share_viewers=share_viewers) for path in paths]
        with _venues(paths, federation, link, share_viewers):
            federated = coordinate(federation, link, spec, progress=progress)
        return Comparison(federated, train_centrally(splits, federation, spec, progress=progress))


@contextmanager
def _venues(paths: Sequence[Path], federation: Federation, link: Link, share_viewers: bool) -> Iterator[None]:
    """Run each venue as its command; none outlives the block."""
    flags = ["--share-viewers"] * share_viewers + ["--plain"] * (not federation.secure)
    commands = [
        [sys.executable, "-m", "recsys", "federated", "venue", str(path), "--server", link.address, *flags]
        for path in paths
    ]
    children = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for command in commands]
    try:
        yield
        for child in children:
            child.wait(GRACE)
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
            child.wait()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
