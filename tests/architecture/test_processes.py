"""What a serving process loads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TRAINING = ("tensorflow", "keras", "tf_keras", "deepctr", "tf2onnx", "tensorflow_recommenders", "onnx", "sklearn")


def run(program: str, root: Path) -> list[str]:
    """Run a program in a fresh interpreter and return the lines it printed."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("entry", ["config.wsgi", "config.celery", "config.urls"])
def test_a_serving_process_loads_nothing_that_trains(entry: str, root: Path) -> None:
    loaded = run(f"import django; django.setup(); import {entry}; print(*sys.modules)", root)

    assert entry in loaded
    assert set(TRAINING) & set(loaded) == set()


def test_the_web_process_has_every_door_open_without_anything_that_trains(root: Path) -> None:
    loaded = run(
        "import config.wsgi; from django.urls import get_resolver; get_resolver().reverse_dict; print(*sys.modules)",
        root,
    )

    assert {"config.urls", "decisions.urls", "console.urls"} <= set(loaded)
    assert set(TRAINING) & set(loaded) == set()


def test_the_web_entry_point_is_a_wsgi_application(root: Path) -> None:
    assert run("from config.wsgi import application; print(type(application).__name__)", root) == ["WSGIHandler"]
