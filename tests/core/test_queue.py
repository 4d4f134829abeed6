import logging

import pytest
from celery import current_app
from django.db import transaction

from core.queue import enqueue


@pytest.mark.django_db(transaction=True)
def test_a_task_is_sent_after_the_commit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(current_app._get_current_object(), "signature", lambda name, args: Sent(sent, name, args))

    with transaction.atomic():
        enqueue("training.retrain", "run_1")
        assert sent == []
    assert sent == [("training.retrain", ("run_1",))]

    with transaction.atomic():
        enqueue("training.retrain", "run_2")
        transaction.set_rollback(True)
    assert len(sent) == 1


@pytest.mark.django_db(transaction=True)
def test_a_lost_broker_loses_no_request(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(name: str, args: object) -> object:
        raise ConnectionRefusedError

    monkeypatch.setattr(current_app._get_current_object(), "signature", refuse)

    with caplog.at_level(logging.WARNING), transaction.atomic():
        enqueue("training.retrain", "run_1")

    assert "training.retrain waits for the next sweep" in caplog.text


class Sent:
    def __init__(self, log: list[tuple[object, ...]], name: str, args: object) -> None:
        self.log, self.name, self.args = log, name, args

    def apply_async(self, retry: bool) -> None:
        assert retry is False
        self.log.append((self.name, self.args))
