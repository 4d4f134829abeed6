"""Write operators, members and credentials."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import Credential, Member, Operator, User
from accounts.roles import Role, Scope
from core.tenancy import operator_scope, platform_scope

DEVICE_TOKEN = "vtd_"  # noqa: S105 - a prefix, so that secret scanners recognise leaked tokens
API_KEY = "vtk_"


def digest_of(token: str) -> bytes:
    """Return what is stored of a token: SHA-256 suffices, since a token has 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


def create_operator(*, name: str, slug: str, currency: str = "EUR") -> Operator:
    """Create an operator."""
    with platform_scope():
        return Operator.objects.create(name=name, slug=slug, currency=currency)


@transaction.atomic
def add_member(*, operator_id: UUID, email: str, password: str, role: Role, name: str = "") -> Member:
    """Let somebody work for an operator; an existing user keeps their password."""
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        user = User.objects.create_user(email, password, name=name)
    with operator_scope(operator_id):
        return Member.objects.update_or_create(operator_id=operator_id, user=user, defaults={"role": role})[0]


def issue_device_token(*, operator_id: UUID, device_id: UUID, name: str, kiosk: bool = False) -> str:
    """Replace the device's tokens by a new one and return it; it cannot be read again."""
    with operator_scope(operator_id):
        revoke_device(operator_id=operator_id, device_id=device_id)
        scopes = [Scope.DEVICE, Scope.KIOSK] if kiosk else [Scope.DEVICE]
        return _issue(DEVICE_TOKEN, operator_id=operator_id, name=name, scopes=scopes, device_id=device_id)


def issue_api_key(*, operator_id: UUID, name: str, scopes: Iterable[Scope], expires_at: datetime | None = None) -> str:
    """Return a new API key; it cannot be read again."""
    with operator_scope(operator_id):
        return _issue(API_KEY, operator_id=operator_id, name=name, scopes=list(scopes), expires_at=expires_at)


def revoke_device(*, operator_id: UUID, device_id: UUID) -> int:
    """Revoke all tokens of a device; return how many were live."""
    return Credential.objects.filter(operator_id=operator_id, device_id=device_id, revoked_at=None).update(
        revoked_at=timezone.now()
    )


def _issue(
    prefix: str,
    *,
    operator_id: UUID,
    name: str,
    scopes: list[Scope],
    device_id: UUID | None = None,
    expires_at: datetime | None = None,
) -> str:
    token = prefix + secrets.token_urlsafe(32)
    Credential.objects.create(
        operator_id=operator_id, name=name, digest=digest_of(token), scopes=[scope.value for scope in scopes],
        device_id=device_id, expires_at=expires_at,
    )  # fmt: skip
    return token
