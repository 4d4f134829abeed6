"""The training process: started with what it needs and nothing more, listened to, and never left behind."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from training.errors import RunFailed

MODULE = "recsys.training"
REFUSED = 2
TIME_LIMIT = 6 * 3600.0
"""Seconds; a training that takes longer hangs."""
TICK = 0.5
LONGEST_ERROR = 500
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH", "TZ")
"""No credential of the worker reaches the training process: it reads one file and writes another."""

Relay = Callable[[str, int, int, str], None]


def train(request: Path, report: Path, *, relay: Relay, still_wanted: Callable[[], None]) -> dict[str, Any]:
    """Run one training in a process of its own and return its report.

    Args:
        request, report: JSON files of ``recsys.training``; both folders exist.
        relay: called with stage, done, of and message for each line of progress.
        still_wanted: called twice a second; raises when the training has become pointless, which ends the process.

    Raises:
        RunFailed: the training was refused, crashed, was killed or took too long.
    """
    errors = report.with_name("errors.txt")
    command = [sys.executable, "-m", MODULE, str(request), str(report)]
    with errors.open("wb") as stderr, _started(command, report.parent, stderr) as child:
        _listen(child, relay=relay, still_wanted=still_wanted)
        code = child.wait()
    return _outcome(code, report, errors)


@contextmanager
def _started(command: Sequence[str], folder: Path, stderr: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    starter = [sys.executable, str(Path(__file__).with_name("child.py")), str(os.getpid())]
    child = subprocess.Popen(
        [*starter, *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={name: os.environ[name] for name in INHERITED if name in os.environ},
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        assert child.stdout is not None
        child.stdout.close()


def _listen(child: subprocess.Popen[bytes], *, relay: Relay, still_wanted: Callable[[], None]) -> None:
    assert child.stdout is not None
    end, rest = time.monotonic() + TIME_LIMIT, b""
    with selectors.DefaultSelector() as ready:
        ready.register(child.stdout, selectors.EVENT_READ)
        while True:
            if ready.select(TICK):
                chunk = os.read(child.stdout.fileno(), 65_536)
                if not chunk:
                    return
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    _relay_line(line, relay)
            still_wanted()
            if time.monotonic() > end:
                raise RunFailed("training_took_too_long", f"The training took more than {TIME_LIMIT:g} seconds.")


def _relay_line(line: bytes, relay: Relay) -> None:
    try:
        told = json.loads(line)
        stage, done, of, message = str(told["stage"]), int(told["done"]), int(told["of"]), str(told["message"])
    except (ValueError, TypeError, KeyError):
        return  # a library printed something of its own
    relay(stage, done, of, message)


def _outcome(code: int, report: Path, errors: Path) -> dict[str, Any]:
    if code < 0:
        raise RunFailed("training_killed", f"The training process was killed (signal {-code}{_name(-code)}).")
    if code not in (0, REFUSED):
        raise RunFailed("training_crashed", f"The training process ended with code {code}: {_last_words(errors)}")
    try:
        content = json.loads(report.read_bytes())
        assert isinstance(content, dict)
    except (OSError, ValueError, AssertionError) as error:
        raise RunFailed("training_without_report", "The training process ended without a readable report.") from error
    if code == REFUSED:
        raise RunFailed(
            str(content.get("error", "training_refused")), f"Training was refused: {content.get('detail')}."
        )
    return content


def _name(number: int) -> str:
    try:
        return f", {signal.Signals(number).name}"
    except ValueError:
        return ""


def _last_words(errors: Path) -> str:
    lines = [line for line in errors.read_text("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip()[:LONGEST_ERROR] if lines else "it said nothing."
