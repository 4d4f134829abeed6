"""The command line of the launcher, the same for ``manage.py servers`` and ``python -m servers``."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from servers import command, status, urls
from servers.errors import AlreadyRunning, NotReady, ServersError
from servers.launcher import Supervisor
from servers.lock import holder
from servers.report import say, wait_for
from servers.state import State, open_state

RUNNING, FAILED, STOPPED = 0, 1, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the sub-commands."""
    parser.add_argument("--state", type=Path, help="state directory (default: VITRINE_STATE, else .vitrine)")
    actions = parser.add_subparsers(dest="action", required=True)
    up = actions.add_parser("up", help="start PostgreSQL and Valkey and run them until Ctrl-C")
    up.add_argument("--detach", action="store_true", help="run them in the background")
    actions.add_parser("down", help="stop what `up` started")
    actions.add_parser("status", help=f"show what runs; exit code {RUNNING} when running, {STOPPED} when stopped")
    run = actions.add_parser("exec", help="run a command with DATABASE_URL and REDIS_URL, then stop what was started")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")


def handle(options: argparse.Namespace) -> int:
    """Do what the command line says and return the exit code."""
    try:
        state = open_state(options.state)
        if options.action == "up":
            return _up_detached(state) if options.detach else _up(state)
        if options.action == "exec":
            return _exec(state, options.command)
        return {"down": _down, "status": _status}[options.action](state)
    except ServersError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except KeyboardInterrupt:
        return 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``python -m servers``."""
    parser = argparse.ArgumentParser(prog="python -m servers", description="Run the embedded servers.")
    add_arguments(parser)
    return handle(parser.parse_args(arguments))


def _up(state: State) -> int:
    with Supervisor(state) as supervisor:
        say(f"PostgreSQL and Valkey run on sockets in {state.sockets}. Ctrl-C stops them.")
        supervisor.supervise()
    say("Stopped")
    return 0


def _up_detached(state: State) -> int:
    if holder(state) is not None:
        status.wait_until_ready(state, say)
        say("The servers run already.")
        return 0
    log = state.log("launcher")
    with log.open("ab") as output:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "servers", "--state", str(state.root), "up"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    wait_for(
        "the servers",
        lambda: launcher.poll() is not None or (holder(state) == launcher.pid and status.is_ready(state)),
        timeout=status.START_TIMEOUT,
        say=say,
    )
    if launcher.returncode is not None:
        raise NotReady(f"The servers did not start. The launcher's log is {log}.")
    say(f"PostgreSQL and Valkey run in the background (process {launcher.pid}).")
    launcher.returncode = 0  # It lives on; nothing here waits for it.
    return 0


def _down(state: State) -> int:
    say("Stopped" if status.stop(state, say) else "Nothing runs.")
    return 0


def _status(state: State) -> int:
    found = status.look(state)
    if found.pid is None:
        say(f"stopped  ({state.root})")
        return STOPPED
    answers = {"postgres": found.postgres_answers, "redis": found.redis_answers}
    say(f"launcher  {found.pid}  ({state.root})")
    for entry in found.entries:
        word = "pausing" if entry.pid is None else "silent" if answers.get(entry.name) is False else "running"
        say(f"{entry.name:<9} {entry.pid or '-'}  {word}, restarts: {entry.restarts}")
    return RUNNING if found.running else STOPPED


def _exec(state: State, arguments: Sequence[str]) -> int:
    wanted = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not wanted:
        raise ServersError("Say what to run: servers exec -- COMMAND.")
    try:
        with Supervisor(state) as supervisor:
            return command.run(wanted, supervisor.environment)
    except AlreadyRunning:
        status.wait_until_ready(state, say)
        return command.run(wanted, os.environ | urls.environment(state) | {"VITRINE_STATE": str(state.root)})
