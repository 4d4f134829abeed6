import pytest

from servers import report
from servers.errors import NotReady
from servers.report import wait_for


def test_waiting_ends_with_the_first_yes():
    answers = iter([False, False, True])

    wait_for("it", lambda: next(answers), timeout=60.0)

    assert list(answers) == []


def test_long_waits_are_told_and_end_in_an_error(monkeypatch):
    monkeypatch.setattr(report, "PATIENCE", 0.01)
    lines: list[str] = []

    with pytest.raises(NotReady, match="for the moon, in vain"):
        wait_for("the moon", lambda: False, timeout=0.1, say=lines.append)

    assert lines[0] == "  waiting for the moon (0 s)"


def test_say_writes_a_line_at_once(capsys):
    report.say("hello")

    assert capsys.readouterr().out == "hello\n"
