"""Files that commands write."""

from __future__ import annotations

from pathlib import Path

from recsys.benchmark.errors import OptionsUnusable


def check_output(path: Path | None) -> None:
    """Refuse a file that could not be written, before any work is done for it.

    Raises:
        OptionsUnusable: its folder does not exist.
    """
    if path is not None and not path.parent.is_dir():
        raise OptionsUnusable(
            f"{path} cannot be written.", expected="a folder that exists.", remedy="Make the folder first."
        )
