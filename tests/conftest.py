"""Fixtures every test folder shares."""

from collections.abc import Iterator
from hashlib import blake2b

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import TransactionTestCase, override_settings
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from accounts.models import Operator
from accounts.services import create_operator
from core.tenancy import operator_scope
from servers.testing import EMBEDDED

PREFIX = "migrated_"
WRITTEN = """
    SELECT string_agg(quote_ident(relname), ', ') FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
    AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
"""
"""The tables that were written to since they were last emptied, but for what the migrations themselves write."""


@pytest.fixture(scope="session", autouse=True)
def static_files_on_demand() -> Iterator[None]:
    """Keep every new client from listing a thousand static files before its first request."""
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(scope="session")
def migrated_template(request: pytest.FixtureRequest) -> str:
    """Name the copy of what these migrations made, by all that they use; nothing where servers are given."""
    if not request.config.stash.get(EMBEDDED, False):
        return ""
    digest = blake2b(digest_size=8)
    for pattern in ("platform/*/migrations/*.py", "platform/core/**/*.py", "requirements/*.txt"):
        for path in sorted(settings.ROOT.glob(pattern)):
            digest.update(path.relative_to(settings.ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{PREFIX}{digest.hexdigest()}"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(migrated_template: str, django_db_blocker: DjangoDbBlocker) -> None:
    """Begin with a copy of what a former run of the same code migrated; a copy of other code is dropped."""
    if not migrated_template:
        return
    with django_db_blocker.unblock(), connection._nodb_cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX])
        found = {name for (name,) in cursor.fetchall()}
        for name in found - {migrated_template}:
            cursor.execute(f'DROP DATABASE "{name}"')
    if migrated_template in found:
        connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template


@pytest.fixture(scope="session")
def django_db_setup(migrated_template: str, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Keep a copy of the migrated database for the next run of the same code."""
    if not migrated_template or connection.settings_dict["TEST"].get("TEMPLATE"):
        return
    with django_db_blocker.unblock():
        migrated = connection.settings_dict["NAME"]
        connections.close_all()  # a database that somebody is connected to cannot be copied
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{migrated_template}" TEMPLATE "{migrated}"')


@pytest.fixture(scope="session", autouse=True)
def only_what_was_written_is_emptied() -> Iterator[None]:
    """Spare tests that commit the emptying of all tables, and the making anew of content types and permissions.

    A table's size tells, not its rows: row-level security hides those.
    """

    def empty(test: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            cursor.execute(WRITTEN)
            [(tables,)] = cursor.fetchall()
            if tables:
                cursor.execute(f"TRUNCATE {tables} CASCADE")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield


@pytest.fixture
def operator(db: None) -> Iterator[Operator]:
    """An operator whose scope is entered for the whole test."""
    created = create_operator(name="Harbour Retail", slug="harbour-retail")
    with operator_scope(created.id):
        yield created


@pytest.fixture
def other_operator(db: None) -> Operator:
    """A second operator; nothing of theirs may ever be seen."""
    return create_operator(name="Rival Screens", slug="rival-screens")


@pytest.fixture
def api() -> APIClient:
    """An API client without a credential."""
    return APIClient()
