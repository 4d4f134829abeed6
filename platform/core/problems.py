"""Problem details for HTTP APIs (RFC 9457): the one shape in which Vitrine says that something went wrong."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class Problem(Exception):
    """What happened, what was expected and what to do; apps derive their own errors from it.

    Attributes:
        status: HTTP status of the answer.
        code: stable word a programmer can switch on.
        title: the same for every occurrence of the code.
        errors: details per field, each ``{"field": …, "code": …, "detail": …}``.
        headers: extra headers of the answer, for instance ``Retry-After``.
    """

    status: ClassVar[int] = 400
    code: str = "bad_request"
    title: str = "Bad request"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the members of the problem document."""
        return (
            problem_body(
                status=self.status,
                code=self.code,
                title=self.title,
                detail=self.detail,
                errors=self.errors,
                request_id=request_id,
            )
            | self.extra
        )


class Malformed(Problem):
    """The body or a parameter has the wrong shape."""

    status = 400
    code = "malformed"
    title = "Malformed request"


class Unauthenticated(Problem):
    """No credential, or one that is unknown, expired or revoked."""

    status = 401
    code = "unauthenticated"
    title = "Authentication required"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    """The credential is valid and does not allow this."""

    status = 403
    code = "forbidden"
    title = "Not allowed"


class NotFound(Problem):
    """No such thing for this operator."""

    status = 404
    code = "not_found"
    title = "Not found"


class Conflict(Problem):
    """The request contradicts the present state."""

    status = 409
    code = "conflict"
    title = "Conflict"


class Unusable(Problem):
    """Understood, and still nothing can be done with it."""

    status = 422
    code = "unusable"
    title = "Understood but unusable"


class Unavailable(Problem):
    """A dependency is down; try again after ``Retry-After`` seconds."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"

    def __init__(self, detail: str = "", *, retry_after: int = 5) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


def problem_body(
    *, status: int, code: str, title: str, detail: str, errors: Sequence[Mapping[str, Any]] = (), request_id: str
) -> dict[str, Any]:
    """Return the members of a problem document (RFC 9457, section 3), our ``code``, ``errors`` and ``request_id``."""
    return {
        "type": f"urn:vitrine:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [dict(error) for error in errors],
        "request_id": request_id,
    }
