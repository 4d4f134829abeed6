"""Where things are: every package under contract, no name that hides another module."""

import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from django.conf import settings

Contracts = dict[str, dict[str, Any]]
PROCESS_LEVEL = {"config", "servers"}
"""The composition root and the process launcher: about processes, not about signage."""
LIBRARIES = {"recsys", "faceid"}


def test_every_package_is_a_root_of_the_import_graph(pyproject: dict[str, Any], platform_packages: set[str]) -> None:
    roots = pyproject["tool"]["importlinter"]["root_packages"]

    assert sorted(roots) == sorted(platform_packages | LIBRARIES)


def test_every_app_has_its_rung_on_the_ladder(contracts: Contracts, platform_packages: set[str]) -> None:
    rungs = {name.strip(" ()") for layer in contracts["ladder"]["layers"] for name in layer.split("|")}

    assert (platform_packages | LIBRARIES) - rungs == {"servers"}


def test_every_app_is_layered_inside(contracts: Contracts, platform_packages: set[str]) -> None:
    assert set(contracts["app"]["containers"]) == platform_packages - PROCESS_LEVEL


def test_the_process_launcher_is_kept_apart_from_every_other_package(
    contracts: Contracts, platform_packages: set[str]
) -> None:
    assert set(contracts["launcher"]["forbidden_modules"]) == (platform_packages | LIBRARIES) - {"servers"}


def test_every_app_is_installed(platform_packages: set[str]) -> None:
    assert platform_packages - PROCESS_LEVEL <= set(settings.INSTALLED_APPS)


def test_no_contract_has_an_exception(contracts: Contracts) -> None:
    assert [name for name, contract in contracts.items() if "ignore_imports" in contract] == []


def test_platform_is_only_a_folder_of_sources(root: Path) -> None:
    stray = [path.name for path in (root / "platform").iterdir() if path.is_file()]
    tests = [path for pattern in ("conftest.py", "test_*.py") for path in (root / "platform").rglob(pattern)]

    assert stray == []
    assert tests == []


def test_tests_are_no_packages(root: Path) -> None:
    assert list((root / "tests").rglob("__init__.py")) == []


def test_no_package_hides_a_module_of_python(platform_packages: set[str]) -> None:
    assert (platform_packages | LIBRARIES) & (sys.stdlib_module_names | set(sys.builtin_module_names)) == set()


def test_no_package_hides_an_installed_one(platform_packages: set[str]) -> None:
    installed = {name for name, owners in packages_distributions().items() if set(owners) != {"vitrine"}}

    assert (platform_packages | LIBRARIES) & installed == set()
