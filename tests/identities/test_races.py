"""Enrolment and withdrawal at the same moment: whoever is first, no template outlives its consent."""

import threading
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.db import IntegrityError, connection, connections
from django.utils import timezone

import subjects.services
from accounts.services import create_operator
from core.tenancy import operator_scope
from identities.models import Template

VECTOR = np.eye(1, 128, dtype=np.float32)[0]


@pytest.fixture
def registered(transactional_db: None) -> tuple[UUID, UUID, datetime]:
    """Somebody with a consent to be recognised, committed."""
    operator, at = create_operator(name="Race", slug="race"), timezone.now()
    with operator_scope(operator.id):
        notice = subjects.services.publish_notice(operator_id=operator.id, title="t", text="t")
        subject = subjects.services.register(
            operator_id=operator.id, origin="kiosk", notice=notice, purposes=["recognise"], channel="c", actor="a",
            method="m", at=at,
        ).subject  # fmt: skip
    return operator.id, subject.id, at


def beside(work: Any) -> tuple[threading.Thread, list[BaseException]]:
    """Run ``work`` in a thread with a database connection of its own."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, failures


def wait_for_a_lock() -> None:
    """Return once another connection waits for a lock of this one."""
    with connection.cursor() as cursor:
        for _ in range(500):
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("nobody waits")


def store(operator_id: UUID, subject_id: UUID) -> None:
    with operator_scope(operator_id):
        Template.objects.create(operator_id=operator_id, subject_id=subject_id, contract="emb_x", embedding=VECTOR)


def withdraw(operator_id: UUID, subject_id: UUID, at: datetime) -> None:
    subjects.services.withdraw_all(operator_id=operator_id, subject_id=subject_id, channel="c", actor="a", at=at)


def templates(operator_id: UUID) -> int:
    with operator_scope(operator_id):
        return Template.objects.count()


def test_a_template_that_waits_for_a_withdrawal_is_refused(registered: tuple[UUID, UUID, datetime]) -> None:
    operator_id, subject_id, at = registered
    with operator_scope(operator_id):
        withdraw(operator_id, subject_id, at)
        thread, failures = beside(lambda: store(operator_id, subject_id))
        wait_for_a_lock()
    thread.join(30)

    assert [type(failure) for failure in failures] == [IntegrityError]
    assert templates(operator_id) == 0


def test_a_withdrawal_that_waits_for_a_template_deletes_it(registered: tuple[UUID, UUID, datetime]) -> None:
    operator_id, subject_id, at = registered

    def withdraw_beside() -> None:
        with operator_scope(operator_id):
            withdraw(operator_id, subject_id, at)

    with operator_scope(operator_id):
        Template.objects.create(operator_id=operator_id, subject_id=subject_id, contract="emb_x", embedding=VECTOR)
        thread, failures = beside(withdraw_beside)
        wait_for_a_lock()
    thread.join(30)

    assert failures == []
    assert templates(operator_id) == 0
