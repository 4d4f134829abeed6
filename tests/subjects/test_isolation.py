"""One operator's subjects are out of reach of another, by raw SQL as the application's role too."""

from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from accounts.models import Operator
from core.tenancy import operator_scope, platform_scope
from subjects import services

TABLES = ["subject", "notice", "noticeview", "consententry", "consent", "profile", "receipt"]


@pytest.fixture
def filled(operator: Operator, registered: Any, notice: Any, at: datetime) -> Any:
    """Something in every table."""
    subject = registered("recognise", "personalise").subject
    services.show_notice(operator_id=operator.id, notice=notice, channel="kiosk", at=at)
    services.remember(operator_id=operator.id, entries=[(subject.id, "crv_a", "c", at)])
    return subject


def count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("table", [*(f"subjects_{table}" for table in TABLES), "subjects_recognisable"])
def test_rows_are_seen_in_their_operators_scope_only(filled: Any, other_operator: Operator, table: str) -> None:
    mine = count(table)
    with operator_scope(other_operator.id):
        theirs = count(table)
    with platform_scope():
        all_of_them = count(table)

    assert (mine > 0, theirs, all_of_them) == (True, 0, mine)


def test_a_row_cannot_be_written_for_another_operator(filled: Any, other_operator: Operator) -> None:
    with (
        pytest.raises((ProgrammingError, IntegrityError), match="row-level security"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE subjects_subject SET operator_id = %s", [other_operator.id])


def test_the_application_is_no_superuser() -> None:
    from django.conf import settings

    assert settings.DATABASES["default"]["USER"] not in {"postgres", "root"}


@pytest.mark.django_db
def test_the_role_cannot_bypass_row_level_security() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)
