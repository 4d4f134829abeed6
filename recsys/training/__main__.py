"""`python -m recsys.training REQUEST.json REPORT.json`.

Progress is written to standard output, one JSON object a line: stage, done, of, message. The exit code is 0 when the
report holds a model, 2 when the training was refused (the report then holds `error`, a code, and `detail`), and 1 after
a crash. TensorFlow is loaded only after the log has been read and found good.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from recsys.features import ForbiddenFeature
from recsys.training.dataset import Split, read_looks, read_split
from recsys.training.errors import BadRequest, TrainingRefused
from recsys.training.report import TrainingReport, write_whole
from recsys.training.request import TrainingRequest

REFUSED = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one training and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m recsys.training", description="Train ranking models from a log.")
    parser.add_argument("request", type=Path, help="JSON file, see recsys.training.request.TrainingRequest")
    parser.add_argument("report", type=Path, help="JSON file to write, see recsys.training.report.TrainingReport")
    parser.add_argument(
        "--workers",
        type=_addresses,
        default=(),
        help="host:port of each machine that learns along, separated by commas",
    )
    parser.add_argument("--worker", type=int, default=0, help="which of the workers this is, from 0 (%(default)s)")
    options = parser.parse_args(arguments)
    try:
        report = run(TrainingRequest.read(options.request), options.workers, options.worker)
        if report is not None:
            report.write(options.report)
    except TrainingRefused as error:
        return _refuse(options.report, error.code, error)
    except ForbiddenFeature as error:
        return _refuse(options.report, "forbidden_feature", error)
    return 0


def run(request: TrainingRequest, workers: tuple[str, ...] = (), worker: int = 0) -> TrainingReport | None:
    """Check the log first, then load TensorFlow and train; the first of several workers alone has a report."""
    print_progress("read", 0, 1, f"reading {request.parquet.name}")
    if request.is_protected:
        if workers:
            raise BadRequest("several workers cannot train in shards or with differential privacy; leave --workers out")
        from recsys.training.protected import train_protected

        return train_protected(request, progress=print_progress)
    looks = read_looks(request.looks)
    split = read_split(request.parquet, max_rows=request.max_rows, policy=request.policy, looks=looks)
    print_progress("read", 1, 1, _sizes(split))
    # what loads TensorFlow takes seconds that a refusal need not wait
    if workers:
        from recsys.training.distributed import join
        from recsys.training.together import train_together

        join(workers, worker)
        return train_together(split, request, progress=print_progress)
    from recsys.training.experiment import train_on

    return train_on(split, request, progress=print_progress)


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def print_progress(stage: str, done: int, of: int, message: str) -> None:
    """Write one line of progress."""
    print(json.dumps({"stage": stage, "done": done, "of": of, "message": message}), flush=True)


def _sizes(split: Split) -> str:
    return ", ".join(f"{name} {part.total} rows" for name, part in zip(Split._fields, split, strict=True))


def _refuse(path: Path, code: str, error: Exception) -> int:
    write_whole(path, json.dumps({"error": code, "detail": str(error)}).encode())
    print(f"training refused: {error}", file=sys.stderr)
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
