"""Start a program that dies with its parent; run by path, before anything of Vitrine is imported.

``python child.py PARENT_PID PROGRAM ARGUMENTS…`` asks the kernel for SIGKILL when the parent ends (``prctl(2)``,
``PR_SET_PDEATHSIG``, which survives ``execve``), lowers its priority so that serving goes first, and becomes the
program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
NICE = 5


def main() -> None:
    """Become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(1)
    os.nice(NICE)
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
