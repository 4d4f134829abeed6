import os
import signal

import pytest

from servers.errors import AlreadyRunning
from servers.lock import Lock, holder, read_pid
from servers.state import open_state

HOLD = """
import sys, time
from pathlib import Path
from servers.lock import Lock
Lock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_launcher_is_told_who_holds_the_lock(new_root):
    state = open_state(new_root)
    lock = Lock(state.lock)
    lock.acquire()

    with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()} already.*servers down.*VITRINE_STATE"):
        Lock(state.lock).acquire()

    assert holder(state) == os.getpid()
    lock.release()


def test_a_released_lock_can_be_taken_again(new_root):
    state = open_state(new_root)
    lock = Lock(state.lock)
    lock.acquire()
    lock.release()

    assert holder(state) is None
    lock.acquire()
    assert holder(state) == os.getpid()
    lock.release()


def test_the_kernel_drops_the_lock_of_a_killed_launcher(new_root, python):
    state = open_state(new_root)
    other = python("-c", HOLD, str(state.lock))
    assert other.stdout.readline() == "held\n"
    assert holder(state) == other.pid

    other.send_signal(signal.SIGKILL)
    other.wait()

    assert holder(state) is None
    assert read_pid(state.lock) == other.pid


def test_nobody_holds_what_was_never_locked(new_root):
    assert holder(open_state(new_root)) is None


@pytest.mark.parametrize(("text", "pid"), [("", None), ("12\nmore\n", 12), ("x\n", None), ("-3\n", None)])
def test_the_first_line_is_read_as_a_process_id(tmp_path, text, pid):
    (tmp_path / "file").write_text(text)

    assert read_pid(tmp_path / "file") == pid
