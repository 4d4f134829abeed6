import os
import shutil
import stat
from pathlib import Path

import pytest

from servers import state
from servers.account import Account, can_reach
from servers.errors import UnusableState
from servers.state import LONGEST_SOCKET, SOCKET_PATH_LIMIT, default_root, open_state

AS_ROOT = os.geteuid() == 0


def test_the_variable_names_the_state_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("VITRINE_STATE", str(tmp_path / "elsewhere"))

    assert default_root() == tmp_path / "elsewhere"


def test_without_the_variable_it_lies_in_the_checkout(monkeypatch):
    monkeypatch.delenv("VITRINE_STATE", raising=False)

    assert default_root() == Path(state.__file__).resolve().parents[2] / ".vitrine"


def test_a_reachable_directory_holds_everything(new_root):
    new_root.parent.chmod(0o755)

    opened = open_state(new_root)

    assert (opened.home, opened.sockets) == (new_root, new_root / "run")
    assert stat.S_IMODE(opened.sockets.stat().st_mode) == 0o700
    assert opened.sockets.stat().st_uid == (opened.account.uid if opened.account else os.geteuid())


def test_a_closed_parent_moves_the_home_when_run_as_root(new_root, shared_homes):
    new_root.parent.chmod(0o700)

    opened = open_state(new_root)

    assert opened.home.parent == (shared_homes if AS_ROOT else new_root.parent)
    assert can_reach(opened.account, opened.sockets.parent)
    assert open_state(new_root) == opened


def test_deleting_a_state_directory_deletes_its_moved_home_at_the_next_start(new_root):
    new_root.parent.chmod(0o700)
    former = open_state(new_root)
    password = former.secret("application")
    shutil.rmtree(new_root)

    latter = open_state(new_root)

    assert latter.secret("application") != password
    assert (former.home != latter.home) == AS_ROOT
    assert former.home.exists() != AS_ROOT


def test_sockets_of_a_deep_home_lie_in_a_short_directory(new_root):
    new_root.parent.chmod(0o755)
    deep = new_root / ("d" * 60) / ("e" * 60)
    opened = open_state(deep)

    assert opened.home == deep
    assert len(os.fsencode(opened.sockets / LONGEST_SOCKET)) <= SOCKET_PATH_LIMIT
    assert open_state(deep).sockets == opened.sockets
    opened.sockets.rmdir()


def test_a_socket_directory_that_is_a_link_is_refused(new_root, tmp_path):
    new_root.parent.chmod(0o755)
    new_root.mkdir()
    (new_root / "run").symlink_to(tmp_path)

    with pytest.raises(UnusableState, match="belongs to somebody else"):
        open_state(new_root)

    assert tmp_path.stat().st_uid == os.geteuid()


def test_secrets_are_stable_private_and_differ(new_root):
    opened = open_state(new_root)

    first = opened.secret("application")

    assert opened.secret("application") == first
    assert opened.secret("superuser") != first
    assert stat.S_IMODE((opened.home / "secrets" / "application").stat().st_mode) == 0o600
    assert stat.S_IMODE((opened.home / "secrets").stat().st_mode) == 0o700


def test_an_overgrown_log_makes_room(new_root, monkeypatch):
    monkeypatch.setattr(state, "LOG_LIMIT", 3)
    opened = open_state(new_root)
    opened.log("web").write_text("long")

    path = opened.log("web")

    assert path.read_text() == ""
    assert path.with_suffix(".log.1").read_text() == "long"


def test_reach_is_judged_by_owner_then_group_then_others(tmp_path):
    mine = tmp_path.stat()
    tmp_path.chmod(0o600)

    assert not can_reach(Account("owner", mine.st_uid, mine.st_gid), tmp_path)
    assert not can_reach(Account("other", mine.st_uid + 1, mine.st_gid + 1), tmp_path)
    assert can_reach(None, tmp_path)
    tmp_path.chmod(0o700)
