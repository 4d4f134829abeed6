"""Vitrine's own processes: web, workers and beat, as commands for the launcher."""

import sys
from pathlib import Path

from servers.command import Command, responds

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def web(host: str, port: int, *, workers: int = 2, threads: int = 4) -> Command:
    """Return the web server: granian with ``workers`` processes of ``threads`` threads each."""
    arguments = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application"),
        *("--host", host, "--port", str(port), "--workers", str(workers), "--blocking-threads", str(threads)),
        *("--no-ws", "--backpressure", str(threads * 16), "--workers-kill-timeout", "10"),
        # Without it the end of one process ends them all.
        *("--respawn-failed-workers", "--respawn-interval", "0.5"),
    ]
    asked = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 every address is listened on, one is asked
    return Command("web", arguments, ONE_THREAD, ready=responds(f"http://{asked}:{port}/health/live"))


def worker() -> Command:
    """Return the Celery worker of the queues that people wait for."""
    return _celery("worker", "worker", "--queues", "interactive,default", "--concurrency", "1")


def trainer() -> Command:
    """Return the Celery worker of the training queue."""
    return _celery("trainer", "worker", "--queues", "training", "--concurrency", "1")


def beat(state: Path) -> Command:
    """Return Celery's clock; the schedule's file lies in the state directory."""
    (state / "beat").mkdir(parents=True, exist_ok=True)
    return _celery("beat", "beat", "--pidfile", "")


def _celery(name: str, *arguments: str) -> Command:
    extra = ["--hostname", f"{name}@%h", "--without-mingle", "--without-gossip"] if arguments[0] == "worker" else []
    return Command(
        name, [sys.executable, "-m", "celery", "-A", "config", *arguments, *extra, "--loglevel", "INFO"], ONE_THREAD
    )
