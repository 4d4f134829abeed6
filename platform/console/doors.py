"""How a console page is entered, and how it tells people that a service refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse

from accounts.membership import EVERYONE, member_of, member_required, principal_of_member
from accounts.roles import Role
from core.problems import Malformed, NotFound, Problem

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, P], HttpResponse]


def member_page(roles: frozenset[Role] = EVERYONE) -> Callable[[Page[P]], Page[P]]:
    """Let a page be seen by signed-in members with one of ``roles``; what another operator owns does not exist.

    An address that is cut or made up does not exist either.
    """

    def decorate(view: Page[P]) -> Page[P]:
        @member_required(roles)
        @wraps(view)
        def entered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except (NotFound, Malformed) as error:
                raise Http404(error.detail) from error

        return entered

    return decorate


def operator_of(request: HttpRequest) -> UUID:
    """Return the operator of the signed-in member."""
    return member_of(request).operator_id


def actor_of(request: HttpRequest) -> str:
    """Return how the audit log names the signed-in member."""
    return principal_of_member(member_of(request)).actor


@contextmanager
def telling(request: HttpRequest) -> Iterator[None]:
    """Run a deed; when a service refuses it, nothing of it stays and the next page says why."""
    try:
        with transaction.atomic():
            yield
    except Problem as refusal:
        messages.error(request, refusal.detail)
