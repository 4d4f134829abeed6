"""The user the servers run as: PostgreSQL refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from servers.errors import ServersError


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Return whom to become: ``postgres``, else ``nobody``, when root; None (stay who we are) otherwise."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise ServersError("PostgreSQL refuses to run as root and there is neither a user postgres nor a user nobody.")


def can_reach(account: Account | None, directory: Path) -> bool:
    """Tell whether an account may pass through a directory and all above it, judged by owner, group and mode.

    What does not exist yet will be created passable.
    """
    if account is None:
        return True
    resolved = directory.resolve()
    return all(_may_enter(account, path.stat()) for path in (resolved, *resolved.parents) if path.exists())


def _may_enter(account: Account, status: os.stat_result) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def give(path: Path, account: Account | None) -> None:
    """Make an account the owner of a path; nothing when it is ours already."""
    if account is not None:
        os.chown(path, account.uid, account.gid)
