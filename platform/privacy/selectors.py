"""Read rights requests, certificates and the privacy budget."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from core.ids import public_id
from core.tenancy import platform_scope
from privacy import journal
from privacy.digests import digest_of
from privacy.errors import UnknownRightsRequest
from privacy.models import BudgetEntry, BudgetKind, Certificate, Kind, RightsRequest, State


def requests(*, operator_id: UUID, state: str | None = None) -> QuerySet[RightsRequest]:
    """Return an operator's rights requests with their certificates."""
    rows = RightsRequest.objects.filter(operator_id=operator_id).select_related("certificate")
    return rows.filter(state=state) if state else rows


def get_request(*, operator_id: UUID, request_id: UUID) -> RightsRequest:
    """Return a rights request.

    Raises:
        UnknownRightsRequest: this operator has no such request.
    """
    found = requests(operator_id=operator_id).filter(id=request_id).first()
    if found is None:
        raise UnknownRightsRequest(f"There is no rights request {public_id(RightsRequest.PREFIX, request_id)}.")
    return found


def operator_of(request_id: UUID) -> UUID | None:
    """Return whose request this is, for the task that only knows its id."""
    with platform_scope():
        return RightsRequest.objects.filter(id=request_id).values_list("operator_id", flat=True).first()


def certificate_of(*, operator_id: UUID, subject_id: UUID) -> Certificate | None:
    """Return the newest certificate of a subject's erasure."""
    found = Certificate.objects.filter(operator_id=operator_id, subject_digest=digest_of(subject_id))
    return found.order_by("-id").first()


def waiting_erasures(*, operator_id: UUID, asked_before: datetime) -> list[UUID]:
    """Return erasures that are still to be done, for when their message was lost."""
    rows = RightsRequest.objects.filter(
        operator_id=operator_id, kind=Kind.ERASURE, state__in=[State.OPEN, State.FAILED], asked_at__lt=asked_before
    )
    return list(rows.values_list("id", flat=True))


def undone_erasures(*, operator_id: UUID) -> frozenset[str]:
    """Return the digests of subjects whose erasure the journal knows and the database does not: it was restored."""
    written = journal.read(operator_id)
    if not written:
        return frozenset()
    certified = Certificate.objects.filter(operator_id=operator_id, subject_digest__in=written)
    return written - set(certified.values_list("subject_digest", flat=True))


@dataclass(frozen=True, slots=True)
class Standing:
    """How an operator's privacy budget stands."""

    granted_epsilon: Decimal
    granted_delta: Decimal
    spent_epsilon: Decimal
    spent_delta: Decimal

    @property
    def left_epsilon(self) -> Decimal:
        """Epsilon that may still be spent."""
        return self.granted_epsilon - self.spent_epsilon

    @property
    def left_delta(self) -> Decimal:
        """Delta that may still be spent."""
        return self.granted_delta - self.spent_delta


def budget_standing(*, operator_id: UUID) -> Standing:
    """Return what was granted and spent so far; zeros before the first grant (one query)."""
    last = BudgetEntry.objects.filter(operator_id=operator_id).order_by("-number").first()
    if last is None:
        return Standing(Decimal(0), Decimal(0), Decimal(0), Decimal(0))
    return Standing(last.granted_epsilon, last.granted_delta, last.spent_epsilon, last.spent_delta)


def budget_entries(*, operator_id: UUID) -> QuerySet[BudgetEntry]:
    """Return the entries of an operator's privacy budget."""
    return BudgetEntry.objects.filter(operator_id=operator_id)


def unreturned_spendings(*, operator_id: UUID) -> list[BudgetEntry]:
    """Return what trainings have spent and nobody gave back."""
    return list(
        BudgetEntry.objects.filter(
            operator_id=operator_id, kind=BudgetKind.SPEND, run_id__isnull=False, returned_by__isnull=True
        )
    )
