import pytest
from django.db import ProgrammingError, connection, transaction

from accounts.models import Credential, Operator
from accounts.roles import Scope
from accounts.services import create_operator, issue_api_key
from core.epochs import Topic, bump, versions
from core.tenancy import enter, operator_scope, platform_scope


@pytest.fixture
def two(db: None) -> tuple[Operator, Operator]:
    pair = create_operator(name="One", slug="one"), create_operator(name="Two", slug="two")
    for operator in pair:
        issue_api_key(operator_id=operator.id, name=f"key of {operator.slug}", scopes=[Scope.READ])
    return pair


def names() -> list[str]:
    return sorted(Credential.objects.values_list("name", flat=True))


def test_rows_are_seen_in_their_operators_scope_only(two: tuple[Operator, Operator]) -> None:
    one, other = two
    with operator_scope(one.id):
        assert names() == ["key of one"]
        with operator_scope(other.id):
            assert names() == ["key of two"]
        assert names() == ["key of one"]
    assert names() == []
    with platform_scope():
        assert names() == ["key of one", "key of two"]


def test_a_failed_inner_scope_gives_back_the_outer_one(two: tuple[Operator, Operator]) -> None:
    one, other = two
    with operator_scope(one.id):
        with pytest.raises(RuntimeError), operator_scope(other.id):
            raise RuntimeError
        assert names() == ["key of one"]


def test_the_database_refuses_a_row_for_another_operator(two: tuple[Operator, Operator]) -> None:
    one, other = two
    with operator_scope(one.id), pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        Credential.objects.create(operator_id=other.id, name="smuggled", digest=b"x", scopes=[Scope.READ])
    with operator_scope(other.id):
        assert names() == ["key of two"]


def test_raw_sql_is_bound_too(two: tuple[Operator, Operator]) -> None:
    one, other = two
    with operator_scope(one.id), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_credential SET name = 'mine' WHERE operator_id = %s", [other.id])
        assert cursor.rowcount == 0
        cursor.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)


@pytest.mark.django_db(transaction=True)
def test_a_scope_ends_with_its_transaction() -> None:
    operator = create_operator(name="One", slug="one")
    with transaction.atomic():
        enter(operator.id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('app.operator', true), '')")
        assert cursor.fetchone() == ("",)
    with pytest.raises(transaction.TransactionManagementError):
        enter(operator.id)


def test_epochs_count_each_change(operator: Operator) -> None:
    bump(operator_id=operator.id, topic=Topic.CONSENT)
    bump(operator_id=operator.id, topic=Topic.CONSENT)
    bump(operator_id=operator.id, topic=Topic.GALLERY)

    assert versions(operator_id=operator.id) == {"consent": 2, "gallery": 1}
