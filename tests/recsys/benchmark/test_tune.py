import json
from pathlib import Path

import pytest

from recsys.__main__ import main
from recsys.benchmark.models.networks import BENCHED, SEARCHED
from recsys.commands import benchmark, tune
from recsys.training.configuration import NetworkConfig


def test_a_search_prints_the_network_it_found_and_writes_every_trial(
    planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    report = tmp_path / "found.json"

    status = main(["tune", str(planted), "--kinds", "fm", "--trials", "2", "--json", str(report)])

    output, said = capsys.readouterr()
    written = json.loads(report.read_text())
    assert status == 0
    assert NetworkConfig.parse(json.loads(output)).digest == written["digest"]
    assert [trial["network"]["kind"] for trial in written["trials"]] == ["fm", "fm"]
    assert written["validation_log_loss"] == min(
        trial["validation_log_loss"] for trial in written["trials"] if trial["validation_log_loss"] is not None
    )
    assert "search 2 of 2: fm: " in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--kinds", "forest"], "--kinds is forest"),
        (["--kinds", "fm,dcn", "--trials", "1"], "a trial for each"),
        (["--no-histories", "--kinds", "dotdin"], "has no histories"),
        (["--json", "nowhere/found.json"], "a folder that exists"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(
    planted: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
):
    assert main(["tune", str(planted), *options]) == 1
    assert says in capsys.readouterr().err


def test_the_commands_offer_what_there_is():
    assert tune.KINDS == benchmark.NETWORKS == BENCHED
    assert set(SEARCHED) <= set(BENCHED)
