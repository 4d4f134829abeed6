"""A small log with a planted taste, which everybody of the benchmark's tests reads."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recsys.benchmark.log import Choices, Log
from recsys.benchmark.reading import read_log

GROUPS = 4


def planted_csv(path: Path, *, rows: int = 3_000, users: int = 60, items: int = 40, seed: int = 5) -> Path:
    """Users like the items of their own group; one column tells the item's group and one number means nothing."""
    random = np.random.default_rng(seed)
    lines = ["user,item,label,timestamp,kind,noise"]
    for row in range(rows):
        user, item = int(random.integers(users)), int(random.integers(items))
        wanted = user % GROUPS == item % GROUPS
        label = int(random.random() < (0.9 if wanted else 0.1))
        lines.append(f"u{user},i{item},{label},{1_700_000_000 + 600 * row},kind-{item % GROUPS},{random.normal():.3f}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    return planted_csv(tmp_path / "planted.csv")


@pytest.fixture(scope="session")
def planted_log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return read_log(planted_csv(tmp_path_factory.mktemp("planted") / "planted.csv"), Choices())


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write lines to a file and give its path."""

    def write(*lines: str, name: str = "log.csv") -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    return write
