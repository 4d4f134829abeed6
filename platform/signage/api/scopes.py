"""Lists that one scope reads and another adds to."""

from rest_framework.views import APIView

from accounts.roles import Scope


class ReadOrWrite(APIView):
    """A view that is read with ``read`` or ``write`` and written with ``write`` alone."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of which a caller needs one."""
        return (Scope.WRITE,) if self.request.method == "POST" else (Scope.READ, Scope.WRITE)
