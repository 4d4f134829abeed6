"""A real Celery worker on the real broker: routing, a whole run, and its death in the middle of one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.utils import timezone

import registry.selectors
from accounts.models import Operator
from core.tenancy import operator_scope
from training import selectors, services, tasks
from training.models import Run

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
PATIENCE = 120.0


def wait_for(condition: Callable[[], Any]) -> Any:
    """Wait until something is true; a fault test that hangs says where."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if (found := condition()) is not None:
            return found
        time.sleep(0.05)
    return pytest.fail("it did not happen in time")


@pytest.fixture
def database_url() -> str:
    """The URL of the test database, which other processes would not guess."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path="/" + settings.DATABASES["default"]["NAME"]))


@pytest.fixture
def worker(database_url: str, trainer: Any, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of the queue ``training``; the log and the training process are stood in for by a module of the test."""
    (trainer.folder / "stood_in.py").write_text(
        f"""
from pathlib import Path
from config.settings import *
DATASETS, RANKING_MODELS = Path({str(settings.DATASETS)!r}), Path({str(settings.RANKING_MODELS)!r})
INSTALLED_APPS = [*INSTALLED_APPS, "standing_in"]
"""
    )
    package = trainer.folder / "standing_in"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "tasks.py").write_text(
        f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import events.selectors
from conftest import row
from training import process
process.MODULE = "stand_in_training"
events.selectors.examples = lambda **_: iter([row(number) for number in range(600)])
"""
    )
    with (tmp_path / "worker.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "training", "-P", "solo", "-l", "INFO",
             "--without-gossip", "--without-mingle", "--without-heartbeat"],
            env={**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "stood_in"},
            stdout=output, stderr=output,
        )  # fmt: skip
        yield process
        process.kill()
        process.wait()


def ask(operator: Operator) -> Run:
    with operator_scope(operator.id):
        return services.request_run(operator_id=operator.id, trigger="demand", actor="member:one")


def read(operator: Operator, run: Run) -> Run:
    with operator_scope(operator.id):
        return selectors.get(operator_id=operator.id, run_id=run.id)


def test_a_worker_carries_out_what_was_asked_for_and_survives_being_killed(
    tenant: Operator, worker: subprocess.Popen[bytes], trainer: Any, tmp_path: Path
) -> None:
    first = ask(tenant)
    done = wait_for(lambda: found if (found := read(tenant, first)).finished_at else None)
    assert (done.state, done.reason) == ("succeeded", "")

    trainer.does(
        f"Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid())); tell('din', 1, 6, 'halfway'); time.sleep(600)"
    )
    second = ask(tenant)
    running = wait_for(lambda: found if (found := read(tenant, second)).progress.get("stage") == "din" else None)
    assert running.worker.endswith(f":{worker.pid}")
    child = int((tmp_path / "pid").read_text())

    worker.send_signal(signal.SIGKILL)
    worker.wait()

    wait_for(lambda: True if not Path("/proc", str(child)).exists() else None)
    assert (Path(settings.DATASETS) / str(second.id)).exists()
    tasks.sweep()
    lost = read(tenant, second)
    assert (lost.state, lost.reason_code) == ("failed", "worker_lost")
    assert not (Path(settings.DATASETS) / str(second.id)).exists()
    with operator_scope(tenant.id):
        active = registry.selectors.active_version(operator_id=tenant.id)
    assert active is not None
    assert active.version_id == done.model_version_id
    assert timezone.now() > lost.finished_at
