"""Forgetting a subject: nothing is left that leads to them, and the ledger still holds."""

import uuid
from datetime import datetime
from typing import Any

from django.db import connection

from accounts.models import Operator
from core.tenancy import operator_scope
from subjects import selectors, services
from subjects.models import Consent, ConsentEntry, Profile, Receipt, Subject


def test_the_subject_goes_and_the_ledger_keeps_entries_that_lead_to_nobody(
    operator: Operator, registered: Any, at: datetime
) -> None:
    subject = registered("recognise", "personalise").subject
    stays = registered("learn").subject
    services.remember(operator_id=operator.id, entries=[(subject.id, "crv_a", "c", at)])

    counts = services.forget(operator_id=operator.id, subject_id=subject.id)

    assert counts == {"consents": 2, "receipts": 1, "profiles": 0, "subjects": 1, "ledger_entries_unlinked": 4}
    assert [row.id for row in Subject.objects.all()] == [stays.id]
    assert (Consent.objects.count(), Receipt.objects.count(), Profile.objects.count()) == (1, 1, 0)
    orphans = ConsentEntry.objects.filter(reference=subject.reference).order_by("action")
    assert [entry.action for entry in orphans] == ["given", "given", "withdrawn", "withdrawn"]


def test_no_column_of_the_ledger_is_derived_from_the_subject(operator: Operator, registered: Any) -> None:
    subject = registered("recognise").subject
    services.forget(operator_id=operator.id, subject_id=subject.id)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM subjects_consententry e WHERE e::text ~ %s", [
            "|".join([str(subject.id), subject.id.hex, subject.public_id, subject.pseudonym])
        ])  # fmt: skip
        assert cursor.fetchone() == (0,)


def test_forgetting_twice_or_somebody_unknown_counts_nothing(operator: Operator, registered: Any) -> None:
    subject = registered("recognise").subject
    services.forget(operator_id=operator.id, subject_id=subject.id)
    nothing = {"consents": 0, "receipts": 0, "profiles": 0, "subjects": 0, "ledger_entries_unlinked": 0}

    assert services.forget(operator_id=operator.id, subject_id=subject.id) == nothing
    assert services.forget(operator_id=operator.id, subject_id=uuid.uuid4()) == nothing


def test_nobody_is_forgotten_from_another_operators_scope(
    operator: Operator, other_operator: Operator, registered: Any
) -> None:
    subject = registered("recognise").subject
    with operator_scope(other_operator.id):
        services.forget(operator_id=other_operator.id, subject_id=subject.id)
        services.forget(operator_id=operator.id, subject_id=subject.id)

    assert selectors.get(operator_id=operator.id, subject_id=subject.id) == subject
