"""What a signed-in member may do, for console pages and session-authenticated API calls."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from accounts.models import Member
from accounts.principal import Principal
from accounts.roles import Role, Scope
from accounts.selectors import membership_of
from core.tenancy import enter

P = ParamSpec("P")
EVERYONE = frozenset(Role)
EDITORS = frozenset({Role.OWNER, Role.EDITOR})
PRIVACY = frozenset({Role.OWNER, Role.PRIVACY_OFFICER})
ANALYSTS = frozenset({Role.OWNER, Role.ANALYST})

_SCOPES: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset({Scope.READ, Scope.WRITE, Scope.SUBJECTS, Scope.MODELS}),
    Role.EDITOR: frozenset({Scope.READ, Scope.WRITE}),
    Role.PRIVACY_OFFICER: frozenset({Scope.READ, Scope.SUBJECTS}),
    Role.ANALYST: frozenset({Scope.READ, Scope.MODELS}),
    Role.REVIEWER: frozenset({Scope.READ}),
    Role.VIEWER: frozenset({Scope.READ}),
}


def principal_of_member(member: Member) -> Principal:
    """Return a member as the caller of a request."""
    return Principal(member.operator_id, f"member:{member.public_id}", _SCOPES[member.role])


def member_required(
    roles: frozenset[Role] = EVERYONE,
) -> Callable[
    [Callable[Concatenate[HttpRequest, P], HttpResponse]], Callable[Concatenate[HttpRequest, P], HttpResponse]
]:
    """Let a page be seen by signed-in members with one of ``roles``; ``request.member`` is the member.

    The page runs within the operator's scope (``ATOMIC_REQUESTS`` holds the transaction).
    """

    def decorate(
        page: Callable[Concatenate[HttpRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @login_required
        @wraps(page)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            assert request.user.pk is not None
            member = membership_of(request.user.pk)
            if member is None:
                raise PermissionDenied("You are not a member of any operator.")
            if member.role not in roles:
                raise PermissionDenied(f"This page is for {', '.join(sorted(roles))}; you are {member.role}.")
            enter(member.operator_id)
            request.member = member  # type: ignore[attr-defined]
            return page(request, *args, **kwargs)

        return guarded

    return decorate


def member_of(request: HttpRequest) -> Member:
    """Return the member that ``member_required`` found."""
    member = getattr(request, "member", None)
    assert isinstance(member, Member)
    return member
