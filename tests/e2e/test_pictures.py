"""The README's pictures, taken of a running installation."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from PIL import Image

import signage.selectors

pytestmark = pytest.mark.e2e
SIZES = {
    "console": (1440, 900), "kiosk": (1440, 900), "models": (1440, 900), "player": (1280, 720), "screens": (1440, 900),
}  # fmt: skip


def size_of(path: Path) -> tuple[int, int]:
    """Return a picture's width and height."""
    with Image.open(path) as picture:
        return picture.size


def test_every_picture_is_taken_small_enough_and_leaves_no_player_paired(world: Any, tmp_path: Path) -> None:
    command = [
        *(sys.executable, str(settings.ROOT / "manage.py"), "pictures", "--url", world.url, "--out", str(tmp_path)),
        *("--email", "mara@harbour.example", "--password", "correct horse battery"),
    ]

    done = subprocess.run(command, capture_output=True, text=True, timeout=200)

    assert done.returncode == 0, done.stderr
    pictures = {path.stem: path for path in tmp_path.glob("*.png")}
    assert {name: size_of(path) for name, path in pictures.items()} == SIZES
    assert max(path.stat().st_size for path in pictures.values()) <= 300_000
    with world.scope():
        states = signage.selectors.screen_states(operator_id=world.operator_id)
    assert [state.players for state in states] == [(), ()]


def test_without_a_running_demo_the_command_says_what_to_do(tmp_path: Path) -> None:
    command = [
        *(sys.executable, str(settings.ROOT / "manage.py"), "pictures", "--url", "http://127.0.0.1:9"),
        *("--out", str(tmp_path), "--password", "unused"),
    ]

    done = subprocess.run(command, capture_output=True, text=True, timeout=100)

    assert done.returncode == 1
    assert "Is `make demo` running at http://127.0.0.1:9?" in done.stderr
    assert list(tmp_path.iterdir()) == []
