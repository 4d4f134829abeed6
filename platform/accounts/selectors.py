"""Read operators, members and credentials."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from accounts.models import Member, Operator
from accounts.principal import Principal
from core.ids import public_id
from core.tenancy import platform_scope


def principal_of(digest: bytes, *, at: datetime) -> Principal | None:
    """Return whom a token's digest stands for, and enter their operator's scope; None when nobody's.

    One round trip, since every API request pays for it: the row is looked up in the platform's scope, and finding it
    swaps that for the operator's. An unknown token leaves a transaction that its refusal rolls back.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.platform', 'on', true);"
            "SELECT id, operator_id, scopes, device_id, set_config('app.operator', operator_id::text, true),"
            " set_config('app.platform', '', true) FROM accounts_credential"
            " WHERE digest = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)",
            [digest, at],
        )
        row = cursor.fetchone()
        if row is None:
            cursor.execute("SELECT set_config('app.platform', '', true)")
            return None
    credential_id, operator_id, scopes, device_id, *_ = row
    kind = "device" if device_id else "key"
    return Principal(operator_id, f"{kind}:{public_id('crd', credential_id)}", frozenset(scopes), device_id)


def membership_of(user_id: UUID) -> Member | None:
    """Return the membership a user works under (their oldest)."""
    with platform_scope():
        return Member.objects.select_related("operator").filter(user_id=user_id).order_by("created_at").first()


def operator_ids() -> list[UUID]:
    """Return every operator, for tasks that walk over all of them."""
    return list(Operator.objects.order_by("id").values_list("id", flat=True))


def operator_named(slug: str) -> Operator | None:
    """Return the operator with this slug."""
    return Operator.objects.filter(slug=slug).first()


def get_operator(operator_id: UUID) -> Operator:
    """Return an operator."""
    return Operator.objects.get(id=operator_id)
