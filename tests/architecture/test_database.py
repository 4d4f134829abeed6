"""What the database itself holds true: one operator's rows are out of another's reach."""

from collections.abc import Iterable

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Model

GLOBAL = {"accounts.Operator", "accounts.User"}
"""Rows of the platform itself; each has a reason to belong to nobody: see their docstrings."""

UNCLAIMED = {"signage.Pairing"}
"""Rows that belong to nobody until a member claims them; only the platform's scope sees them before."""

pytestmark = pytest.mark.django_db


def our_models(packages: set[str]) -> list[type[Model]]:
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in packages and model._meta.managed and not model._meta.proxy
    ]


def owned(models: Iterable[type[Model]]) -> list[type[Model]]:
    return [model for model in models if any(field.name == "operator" for field in model._meta.get_fields())]


def test_every_row_belongs_to_an_operator(platform_packages: set[str]) -> None:
    models = our_models(platform_packages)
    homeless = {model._meta.label for model in models} - {model._meta.label for model in owned(models)}

    assert homeless == GLOBAL


def test_every_owners_column_is_required(platform_packages: set[str]) -> None:
    nullable = {
        model._meta.label for model in owned(our_models(platform_packages)) if model._meta.get_field("operator").null
    }

    assert nullable == UNCLAIMED


def test_row_level_security_is_forced_on_every_owned_table(platform_packages: set[str]) -> None:
    tables = {model._meta.db_table for model in owned(our_models(platform_packages))}

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity AND relname = ANY(%s)",
            [list(tables)],
        )
        forced = {name for (name,) in cursor.fetchall()}

    assert tables
    assert tables - forced == set()


def test_every_owned_table_has_a_policy_for_reading_and_for_writing(platform_packages: set[str]) -> None:
    tables = {model._meta.db_table for model in owned(our_models(platform_packages))}

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_policies"
            " WHERE cmd = 'ALL' AND qual LIKE '%%operator_id%%' AND with_check LIKE '%%operator_id%%'"
            " AND tablename = ANY(%s)",
            [list(tables)],
        )
        guarded = {name for (name,) in cursor.fetchall()}

    assert tables - guarded == set()


def test_the_application_connects_as_a_role_that_row_level_security_binds() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")

        assert cursor.fetchone() == (False, False)
