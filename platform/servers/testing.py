"""A pytest plugin: gives a test run its own PostgreSQL and Valkey. Loaded by ``-p servers.testing``.

Unless ``DATABASE_URL`` and ``REDIS_URL`` name servers, it starts an embedded pair before anything reads Django's
settings, sets the two variables and stops the pair at the end. Runs that overlap take different slots of the state
directory: ``test``, ``test-2``, ``test-3`` and so on. A run that is killed takes its servers along.
"""

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from servers.errors import AlreadyRunning
from servers.lock import Lock
from servers.pair import Pair
from servers.report import Say, say, silence
from servers.state import State, default_root, open_state
from servers.urls import environment

SLOTS = 32
VARIABLES = ("DATABASE_URL", "REDIS_URL")
EMBEDDED = pytest.StashKey[bool]()
"""Set in the configuration of a run whose servers are its own."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option."""
    parser.getgroup("servers").addoption(
        "--servers-no-fsync",
        action="store_true",
        help="let the embedded PostgreSQL of this run skip fsync: faster, and lost with the machine",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    """Start the servers before pytest-django reads the settings: a wrapper runs before it."""
    options = early_config.known_args_namespace
    if not (options.help or options.version) and needs_servers(os.environ):
        quiet = silence if options.verbose < 0 else say
        early_config.add_cleanup(start(durable=not options.servers_no_fsync, say=quiet))
        early_config.stash[EMBEDDED] = True
    return (yield)


def needs_servers(variables: Mapping[str, str]) -> bool:
    """Tell whether the environment names no servers.

    Raises:
        pytest.UsageError: it names one of the two.
    """
    named = [name for name in VARIABLES if variables.get(name)]
    if len(named) == 1:
        raise pytest.UsageError(f"Only {named[0]} is set. Set both {' and '.join(VARIABLES)}, or none of them.")
    return not named


def start(*, durable: bool = True, say: Say = silence, root: Path | None = None) -> Callable[[], None]:
    """Start a pair in the first free slot, set the variables, and return what undoes both."""
    undo = ExitStack()
    try:
        state, lock = claim(root or default_root())
        undo.callback(lock.release)
        pair = Pair(state, durable=durable)
        pair.start(say)
        undo.callback(pair.stop)
        os.environ.update(environment(state))
        undo.callback(_forget, VARIABLES)
    except BaseException:
        undo.close()
        raise
    return undo.close


def claim(root: Path) -> tuple[State, Lock]:
    """Return the first slot below ``root`` that no other run holds, and its lock.

    Raises:
        AlreadyRunning: all slots are taken.
    """
    for number in range(1, SLOTS + 1):
        state = open_state(root / ("test" if number == 1 else f"test-{number}"))
        lock = Lock(state.lock)
        try:
            lock.acquire()
        except AlreadyRunning:
            continue
        return state, lock
    raise AlreadyRunning(f"{SLOTS} test runs use servers below {root}. Wait for one of them.")


def _forget(names: Sequence[str]) -> None:
    for name in names:
        os.environ.pop(name, None)
