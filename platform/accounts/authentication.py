"""Bearer tokens (RFC 6750) and sessions as DRF authentication; both enter the operator's scope."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.membership import principal_of_member
from accounts.principal import Principal
from accounts.selectors import membership_of, principal_of
from accounts.services import digest_of
from core.problems import Forbidden, Unauthenticated
from core.tenancy import enter

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by name


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer vtd_…`` (device token) or ``vtk_…`` (API key)."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        """Return the caller and enter their operator's scope.

        Raises:
            Unauthenticated: the token is unknown, expired or revoked.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        principal = principal_of(digest_of(token.strip()), at=timezone.now())
        if principal is None:
            raise Unauthenticated(
                "This token is unknown, expired or revoked. Pair the player again or issue a new key."
            )
        return principal, None

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme in a 401."""
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes it."""

    target_class = "accounts.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme object."""
        return {"type": "http", "scheme": "bearer", "description": "Device token or API key"}


class MemberSessionAuthentication(SessionAuthentication):
    """A signed-in member (with CSRF check), for calls from the console's pages."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        """Return the member as a principal and enter their operator's scope."""
        signed_in = super().authenticate(request)
        if signed_in is None:
            return None
        member = membership_of(signed_in[0].pk)
        if member is None:
            raise Forbidden("You are not a member of any operator.")
        enter(member.operator_id)
        return principal_of_member(member), None


class MemberSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes it."""

    target_class = "accounts.authentication.MemberSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme object."""
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "A member signed in to the console; writes also need Django's X-CSRFToken",
        }


class Allows(BasePermission):
    """Demand one of the scopes a view names in ``scopes``."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return whether the caller may use this view.

        Raises:
            Unauthenticated: nobody is calling.
            Forbidden: the credential lacks the scope.
        """
        wanted = frozenset(getattr(view, "scopes", ()))
        principal = request.user
        if not isinstance(principal, Principal):
            raise Unauthenticated("Send a device token or an API key as a bearer token.")
        if not wanted & principal.scopes:
            raise Forbidden(f"This call needs the scope {' or '.join(sorted(wanted))}.")
        return True
