"""What the architecture tests read: the tree, the settings of the tools, and every import of the source."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("platform", "recsys", "faceid")


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its dotted module name and its syntax tree."""

    path: Path
    module: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The top-level package."""
        return self.module.split(".")[0]

    def imports(self) -> Iterator[str]:
        """Yield the dotted name of everything imported, relative imports resolved, at any depth of nesting."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                yield from (f"{base}.{alias.name}" for alias in node.names)

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        is_package = self.path.name == "__init__.py"
        parents = self.module.split(".")
        parents = parents[: len(parents) - node.level + is_package]
        return ".".join([*parents, *([node.module] if node.module else [])])


def read(path: Path) -> Source:
    """Parse one file of the source."""
    relative = path.relative_to(ROOT)
    parts = relative.with_suffix("").parts
    parts = parts[1:] if parts[0] == "platform" else parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return Source(path, ".".join(parts), ast.parse(path.read_text(), str(relative)))


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Every Python file of the three packages."""
    return [read(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.fixture(scope="session")
def pyproject() -> dict[str, Any]:
    """The parsed pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def platform_packages() -> set[str]:
    """The names of the folders of platform/."""
    return {path.name for path in (ROOT / "platform").iterdir() if path.is_dir() and path.name != "__pycache__"}


@pytest.fixture(scope="session")
def contracts(pyproject: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The import-linter contracts by their id."""
    return {contract["id"]: contract for contract in pyproject["tool"]["importlinter"]["contracts"]}
