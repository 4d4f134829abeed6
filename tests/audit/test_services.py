import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Operator
from audit.models import Entry
from audit.selectors import latest, verify
from audit.services import record


@pytest.fixture
def log(operator: Operator) -> Operator:
    for number in range(5):
        record(
            operator_id=operator.id, actor="test", action="thing.done", target=f"thing {number}", detail={"n": number}
        )
    return operator


def test_entries_form_a_chain(log: Operator) -> None:
    verification = verify(operator_id=log.id)

    assert (verification.entries, verification.broken_at, verification.intact) == (5, None, True)
    assert [entry.number for entry in latest(operator_id=log.id)] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "attack", ["UPDATE audit_entry SET actor = 'nobody'", "DELETE FROM audit_entry WHERE number = 5"]
)
def test_the_database_refuses_to_rewrite_history(log: Operator, attack: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)

    assert verify(operator_id=log.id).intact
    assert Entry.objects.count() == 5


@pytest.mark.parametrize(
    ("tamper", "where"),
    [("UPDATE audit_entry SET target = 'other' WHERE number = 3", 3), ("DELETE FROM audit_entry WHERE number = 2", 2)],
)
def test_tampering_behind_the_triggers_is_found(log: Operator, tamper: str, where: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no pending checks while the table is altered
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER append_only")
        cursor.execute(tamper)

    assert verify(operator_id=log.id).broken_at == where
