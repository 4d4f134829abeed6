"""The commands a newcomer types, and the scripts behind them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROMISED = ("demo", "run", "bench", "pictures", "test", "e2e", "fuzz", "lint", "format", "lock", "clean")
SUITE = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"/>
<testcase classname="tests.test_it" name="c"><failure message="assert 1
 == 2"/></testcase>
<testcase classname="tests.test_it" name="d"><error message="no server"/></testcase>
<testcase name="e"><skipped/></testcase>
</testsuite></testsuites>"""
BROWSER = '<testsuites><testsuite><testcase name="f"/></testsuite></testsuites>'


def closing_line(root: Path, *reports: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, root / ".ci" / "closing_line.py", *reports], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_make_alone_lists_every_promised_target(root: Path) -> None:
    done = subprocess.run(["make"], cwd=root, capture_output=True, text=True, check=True)

    assert re.findall(r"^  make (\w+) +\S", done.stdout, re.MULTILINE) == ["help", *PROMISED]


@pytest.mark.parametrize("target", PROMISED)
def test_every_promised_target_has_a_recipe(root: Path, target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=root, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("script", [".ci/run", ".ci/test", "docker/postgres/create-role.sh"])
def test_every_script_is_executable_and_well_formed(root: Path, script: str) -> None:
    assert (root / script).stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], cwd=root, check=True)


def test_the_closing_line_adds_up_both_runs_below_what_failed(root: Path, tmp_path: Path) -> None:
    suite, browser = tmp_path / "suite.xml", tmp_path / "browser.xml"
    suite.write_text(SUITE)
    browser.write_text(BROWSER)

    assert closing_line(root, suite, browser) == (
        1,
        "FAILED: tests.test_it::c: assert 1 == 2\nFAILED: tests.test_it::d: no server\n3 passed, 2 failed, 1 skipped\n",
    )
    assert closing_line(root, browser) == (0, "1 passed, 0 failed\n")


def test_a_run_that_left_no_report_counts_as_a_failure(root: Path, tmp_path: Path) -> None:
    browser = tmp_path / "browser.xml"
    browser.write_text(BROWSER)

    assert closing_line(root, browser, tmp_path / "missing.xml") == (
        1,
        "FAILED: missing.xml: left no report\n1 passed, 1 failed\n",
    )


def test_a_run_without_a_single_test_is_no_success(root: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.xml"
    empty.write_text("<testsuites><testsuite/></testsuites>")

    assert closing_line(root, empty) == (1, "0 passed, 0 failed\n")


def test_every_hook_is_local_and_uses_the_pinned_tools(root: Path) -> None:
    repositories = yaml.safe_load((root / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]

    assert {repository["repo"] for repository in repositories} == {"local"}
    assert {hook["language"] for hook in hooks} == {"system"}
    assert [hook["id"] for hook in hooks if not hook["entry"].startswith(".venv/bin/")] == []
