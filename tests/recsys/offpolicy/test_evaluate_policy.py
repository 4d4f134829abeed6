"""The command that judges a policy by a log: what it prints and writes, and what it refuses."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.__main__ import main

ACTIONS = ("left", "middle", "right")
TRUTH = {"left": 0.2, "middle": 0.5, "right": 0.8}
LOGGING, TARGET = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])


def write(path: Path, *, rows: int = 2000, whole: bool = True, **changes: Any) -> Path:
    """Write a log of the logging policy, with the whole target policy or its probability of what was logged."""
    random = np.random.default_rng(0)
    names = ["action", "reward", "propensity", "weather"]
    names += [f"target:{action}" for action in ACTIONS] if whole else ["target"]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for number in random.choice(3, rows, p=LOGGING):
            action = ACTIONS[number]
            row = {"action": action, "reward": int(random.random() < TRUTH[action]), "propensity": LOGGING[number]}
            row["weather"] = str(random.choice(["sun", "rain"]))
            row |= dict(zip(names[4:], TARGET, strict=True)) if whole else {"target": TARGET[number]}
            writer.writerow(row | changes)
    return path


def test_a_log_of_ones_own_is_judged_by_every_estimator(tmp_path, capsys):
    log, out = write(tmp_path / "log.csv"), tmp_path / "report.json"

    status = main(["evaluate-policy", str(log), "--context", "weather", "--json", str(out)])

    report = json.loads(out.read_text())
    assert status == 0
    assert set(report["values"]) == {"ips", "snips", "dm", "dr", "switch-dr"}
    for interval in report["values"].values():
        assert interval["value"] == pytest.approx(0.59, abs=0.05)
    assert "2,000 choices worth" in capsys.readouterr().out


def test_the_probability_of_what_was_logged_is_enough_for_weighting(tmp_path, capsys):
    out = tmp_path / "report.json"

    status = main(["evaluate-policy", str(write(tmp_path / "log.csv", whole=False)), "--json", str(out)])

    assert status == 0
    assert set(json.loads(out.read_text())["values"]) == {"ips", "snips"}
    assert "on-policy" not in capsys.readouterr().out


def test_too_little_overlap_is_an_answer(tmp_path, capsys):
    log = write(tmp_path / "log.csv", rows=40)

    status = main(["evaluate-policy", str(log)])

    assert status == 1
    assert capsys.readouterr().err.startswith("too_little_overlap: The 40 logged choices are worth")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"propensity": 0}, "unusable_log: 50 propensities are not above 0"),
        ({"target:left": 0.9}, "unusable_log: Each row of the policy must be a distribution"),
        ({"reward": "much"}, "data_unreadable: Column reward holds something that is no number"),
        ({"action": "up"}, "column_missing: The log holds the action 'up'"),
    ],
)
def test_a_log_that_cannot_be_used_is_refused(tmp_path, capsys, changes, says):
    out = tmp_path / "report.json"

    status = main(["evaluate-policy", str(write(tmp_path / "log.csv", rows=50, **changes)), "--json", str(out)])

    assert status == 1
    assert capsys.readouterr().err.startswith(says)
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nowhere.csv"], "data_unreadable"),
        (["open-bandit", "--campaign", "children"], "options_unusable"),
        (["open-bandit", "--logged", "uniform"], "options_unusable"),
        (["open-bandit", "--carriers", "nowhere"], "data_unreadable"),
        (["open-bandit", "--json", "nowhere/report.json"], "options_unusable"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(capsys, arguments, code):
    status = main(["evaluate-policy", *arguments])

    assert status == 1
    assert capsys.readouterr().err.startswith(f"{code}: ")


def test_a_log_without_the_policy_is_refused(tmp_path, capsys):
    log = tmp_path / "log.csv"
    log.write_text("action,reward,propensity\nleft,1,0.5\n")

    assert main(["evaluate-policy", str(log)]) == 1
    assert "does not say what the policy to be judged does" in capsys.readouterr().err


def test_a_context_column_that_is_not_there_is_refused(tmp_path, capsys):
    assert main(["evaluate-policy", str(write(tmp_path / "log.csv", rows=50)), "--context", "mood"]) == 1
    assert "no column 'mood'" in capsys.readouterr().err
