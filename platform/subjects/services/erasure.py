"""Forget a subject."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.epochs import Topic, bump
from subjects.models import Consent, ConsentEntry, Profile, Receipt, Subject
from subjects.services.consents import withdraw_all


@transaction.atomic
def forget(*, operator_id: UUID, subject_id: UUID) -> dict[str, int]:
    """Delete everything this app keeps of a subject and return how many rows of each kind that were.

    Live consents are withdrawn first, so the ledger shows their end; its entries stay, and since the row that linked
    their reference to the subject goes, they lead to nobody. Forgetting somebody unknown counts zeros, so the call
    can be repeated. The database refuses while another app still points to the subject.
    """
    mine = {"operator_id": operator_id, "subject_id": subject_id}
    subject = Subject.objects.select_for_update().filter(operator_id=operator_id, id=subject_id).first()
    if subject is None:
        return {"consents": 0, "receipts": 0, "profiles": 0, "subjects": 0, "ledger_entries_unlinked": 0}
    withdraw_all(
        operator_id=operator_id, subject_id=subject_id, channel="erasure", actor="privacy.erase", at=timezone.now()
    )  # fmt: skip
    counts = {
        "consents": Consent.objects.filter(**mine).delete()[0],
        "receipts": Receipt.objects.filter(**mine).delete()[0],
        "profiles": Profile.objects.filter(**mine).delete()[0],
    }
    unlinked = ConsentEntry.objects.filter(operator_id=operator_id, reference=subject.reference).count()
    subject.delete()
    bump(operator_id=operator_id, topic=Topic.CONSENT)
    return counts | {"subjects": 1, "ledger_entries_unlinked": unlinked}
