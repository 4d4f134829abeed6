"""What tests that commit leave behind."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from accounts.models import Operator
from accounts.services import create_operator
from audit.services import record
from core.tenancy import operator_scope, platform_scope

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("turn", ["first", "second"])
def test_what_a_test_commits_is_gone_before_the_next(turn: str) -> None:
    with platform_scope():
        assert not Operator.objects.exists()
    assert ContentType.objects.exists()
    assert Permission.objects.exists()

    operator = create_operator(name="Harbour Retail", slug="harbour-retail")
    with operator_scope(operator.id):
        record(operator_id=operator.id, action="operator.named", actor="member:one", target="nobody")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('audit_entry') > 0")
        assert cursor.fetchone() == (True,)
