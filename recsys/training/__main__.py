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
from recsys.training.dataset import Split, read_split
from recsys.training.errors import TrainingRefused
from recsys.training.report import TrainingReport, write_whole
from recsys.training.request import TrainingRequest

REFUSED = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one training and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m recsys.training", description="Train ranking models from a log.")
    parser.add_argument("request", type=Path, help="JSON file, see recsys.training.request.TrainingRequest")
    parser.add_argument("report", type=Path, help="JSON file to write, see recsys.training.report.TrainingReport")
    paths = parser.parse_args(arguments)
    try:
        run(TrainingRequest.read(paths.request)).write(paths.report)
    except TrainingRefused as error:
        return _refuse(paths.report, error.code, error)
    except ForbiddenFeature as error:
        return _refuse(paths.report, "forbidden_feature", error)
    return 0


def run(request: TrainingRequest) -> TrainingReport:
    """Check the log first, then load TensorFlow and train."""
    print_progress("read", 0, 1, f"reading {request.parquet.name}")
    if request.is_protected:
        from recsys.training.protected import train_protected

        return train_protected(request, progress=print_progress)
    split = read_split(request.parquet, max_rows=request.max_rows, policy=request.policy)
    print_progress("read", 1, 1, _sizes(split))
    from recsys.training.experiment import train_on  # loads TensorFlow, which takes seconds a refusal need not wait

    return train_on(split, request, progress=print_progress)


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
