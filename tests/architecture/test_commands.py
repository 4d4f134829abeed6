"""Every admin task says what it does, and a page says when to use it."""

from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class


def our_commands(packages: set[str]) -> dict[str, str]:
    return {name: str(app) for name, app in get_commands().items() if app in packages}


def test_every_command_says_what_it_does(platform_packages: set[str]) -> None:
    commands = our_commands(platform_packages)
    silent = [name for name, app in commands.items() if not load_command_class(app, name).help.strip()]

    assert commands
    assert silent == []


def test_every_command_is_in_the_documentation(root: Path, platform_packages: set[str]) -> None:
    pages = "\n".join(path.read_text() for path in [root / "README.md", *(root / "docs").glob("*.md")])
    unknown = [name for name in our_commands(platform_packages) if f"manage.py {name}" not in pages]

    assert unknown == []


@pytest.mark.parametrize("name", ["demo", "serve", "simulate", "bench", "servers"])
def test_the_commands_that_make_relies_on_exist(name: str, platform_packages: set[str]) -> None:
    assert name in our_commands(platform_packages)
