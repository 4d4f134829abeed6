from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Credential, Operator
from accounts.roles import Role, Scope
from accounts.selectors import membership_of, principal_of
from accounts.services import add_member, digest_of, issue_api_key, issue_device_token
from core.ids import new_id
from core.tenancy import operator_scope

pytestmark = pytest.mark.django_db


def test_a_token_stands_for_its_operator_and_enters_their_scope(other_operator: Operator) -> None:
    token = issue_api_key(operator_id=other_operator.id, name="integration", scopes=[Scope.READ, Scope.WRITE])
    assert Credential.objects.count() == 0  # nobody's scope is entered

    principal = principal_of(digest_of(token), at=timezone.now())

    assert principal is not None
    assert (principal.operator_id, principal.scopes) == (other_operator.id, {"read", "write"})
    assert Credential.objects.get().name == "integration"


def test_only_the_digest_of_a_token_is_stored(operator: Operator) -> None:
    token = issue_api_key(operator_id=operator.id, name="integration", scopes=[Scope.READ])

    credential = Credential.objects.get()
    assert bytes(credential.digest) == digest_of(token)
    assert token not in repr(Credential.objects.values().get())


def test_unknown_expired_and_revoked_tokens_stand_for_nobody(operator: Operator) -> None:
    now = timezone.now()
    device = new_id()
    expired = issue_api_key(
        operator_id=operator.id, name="old", scopes=[Scope.READ], expires_at=now - timedelta(seconds=1)
    )
    replaced = issue_device_token(operator_id=operator.id, device_id=device, name="player")
    current = issue_device_token(operator_id=operator.id, device_id=device, name="player")

    assert principal_of(digest_of("vtk_unknown"), at=now) is None
    assert principal_of(digest_of(expired), at=now) is None
    assert principal_of(digest_of(replaced), at=timezone.now()) is None
    principal = principal_of(digest_of(current), at=timezone.now())
    assert principal is not None
    assert principal.device_id == device


def test_a_refused_token_leaves_no_open_scope(operator: Operator) -> None:
    issue_api_key(operator_id=operator.id, name="integration", scopes=[Scope.READ])
    with operator_scope(new_id()):
        assert principal_of(digest_of("vtk_unknown"), at=timezone.now()) is None
        assert Credential.objects.count() == 0


def test_a_member_keeps_their_password_and_gets_the_new_role(operator: Operator) -> None:
    add_member(operator_id=operator.id, email="Ada@example.org", password="first-password-1", role=Role.VIEWER)
    member = add_member(operator_id=operator.id, email="ada@example.org", password="second-password", role=Role.OWNER)

    assert member.user.check_password("first-password-1")
    found = membership_of(member.user_id)
    assert found is not None
    assert found.role == Role.OWNER
