import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from training import child, process
from training.errors import RunFailed

CHILD = Path(child.__file__)


def ended(pid: int) -> bool:
    """Wait a moment for a process to end."""
    for _ in range(500):
        try:
            state = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.02)
    return False


def run(trainer: Any, told: list[tuple[str, int, int, str]]) -> dict[str, Any]:
    request, report = trainer.folder / "request.json", trainer.folder / "report.json"
    request.write_text("{}")

    def relay(stage: str, done: int, of: int, message: str) -> None:
        told.append((stage, done, of, message))

    return process.train(request, report, relay=relay, still_wanted=lambda: None)


def test_progress_is_relayed_line_by_line_and_noise_is_not(trainer: Any) -> None:
    trainer.does("""
        print("loading a library")
        print("{broken")
        print("[1, 2]")
        tell("read", 1, 1, "600 rows")
        print('{"stage": "din"}')
        sys.stdout.write('{"stage": "din", "done": 1, '); sys.stdout.flush(); time.sleep(0.2)
        print('"of": 6, "message": "a line in two pieces"}')
        report.write_text('{"kind": "din"}')
    """)
    told: list[tuple[str, int, int, str]] = []

    assert run(trainer, told) == {"kind": "din"}
    assert told == [("read", 1, 1, "600 rows"), ("din", 1, 6, "a line in two pieces")]


def test_the_training_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    parent = f"""
import os, subprocess, sys, time
sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen([sys.executable, {str(CHILD)!r}, str(os.getpid()), *sleeper])
open({str(pid)!r}, "w").write(str(child.pid))
print("ready", flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"ready\n"
        time.sleep(0.2)
        starter.send_signal(signal.SIGKILL)

    assert ended(int(pid.read_text()))


def test_a_training_whose_parent_is_gone_already_does_not_begin(tmp_path: Path) -> None:
    proof = tmp_path / "proof"

    result = subprocess.run([sys.executable, CHILD, "1", sys.executable, "-c", f"open({str(proof)!r}, 'w')"])

    assert result.returncode == 1
    assert not proof.exists()


def test_a_training_that_is_not_wanted_any_more_is_killed(trainer: Any, tmp_path: Path) -> None:
    class Unwanted(Exception):
        pass

    def still_wanted() -> None:
        if (tmp_path / "pid").exists():
            raise Unwanted

    trainer.does(f"""
        draft = Path({str(tmp_path / "draft")!r})
        draft.write_text(str(os.getpid()))
        draft.rename({str(tmp_path / "pid")!r})
        time.sleep(600)
    """)
    request = trainer.folder / "request.json"
    request.write_text("{}")

    with pytest.raises(Unwanted):
        process.train(request, trainer.folder / "report.json", relay=lambda *_: None, still_wanted=still_wanted)

    assert ended(int((tmp_path / "pid").read_text()))


def test_a_training_killed_from_outside_is_named_by_its_signal(trainer: Any) -> None:
    trainer.does('tell("din", 1, 6, str(os.getpid())); time.sleep(600)')
    request = trainer.folder / "request.json"
    request.write_text("{}")

    with pytest.raises(RunFailed) as caught:
        process.train(
            request, trainer.folder / "report.json", still_wanted=lambda: None,
            relay=lambda stage, done, of, message: os.kill(int(message), signal.SIGTERM),
        )  # fmt: skip

    assert caught.value.code == "training_killed"
    assert caught.value.reason == "The training process was killed (signal 15, SIGTERM)."
