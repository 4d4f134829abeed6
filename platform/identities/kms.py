"""A wrapping key that never leaves a key management service, spoken to as HashiCorp Vault's transit engine speaks.

Only data keys go there and back: two calls, ``encrypt`` and ``decrypt``. The service sees neither matrix nor template,
and whoever copies the key files has nothing without it. Destroying its key destroys every operator's templates.
"""

import base64
import binascii
import json
import ssl
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from faceid.errors import ProtectionSealed
from identities.errors import KeyServiceDown

TIMEOUT: Final = 5.0
"""Seconds."""

_LARGEST = 2**20


@dataclass(frozen=True, slots=True)
class TransitKey:
    """One key of a transit engine; implements ``faceid.sealed.KeyWrapper``.

    Attributes:
        url: of the engine, for instance the service's address followed by ``/v1/transit``. Plain HTTP is refused
            except to the own machine.
        key: name of the key in the engine.
        token_file: file with the token; read for every call, so that an agent may renew it.
        ca_file: certificates to trust instead of the system's; empty for those.
    """

    url: str
    key: str
    token_file: Path = field(repr=False)
    ca_file: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1"}):
            raise ValueError("The key management service is reached over HTTPS, or over HTTP on this machine only.")

    @property
    def name(self) -> str:
        """``transit:`` and the name of the key."""
        return f"transit:{self.key}"

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Have a data key encrypted; the context is bound by the envelope itself.

        Raises:
            KeyServiceDown: no answer, or a refusal.
        """
        answer = self._ask("encrypt", {"plaintext": base64.b64encode(data_key).decode()})
        ciphertext = answer.get("ciphertext")
        if not isinstance(ciphertext, str):
            raise KeyServiceDown("The key management service answered without a ciphertext.")
        return ciphertext.encode()

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Have a data key decrypted.

        Raises:
            KeyServiceDown: no answer, or a refusal for another reason than the ciphertext.
            ProtectionSealed: the service cannot decrypt it.
        """
        try:
            answer = self._ask("decrypt", {"ciphertext": wrapped.decode("ascii")})
            return base64.b64decode(answer.get("plaintext", ""), validate=True)
        except (UnicodeDecodeError, binascii.Error, TypeError, _Refused):
            raise ProtectionSealed(
                "The key management service cannot decrypt the operator's data key.",
                expected=f"a data key that the key {self.key!r} wrapped.",
                remedy="Restore the key file from backup, or the service's key.",
            ) from None

    def _ask(self, operation: str, body: dict[str, str]) -> dict[str, Any]:
        try:
            request = Request(  # noqa: S310 - the scheme was checked
                f"{self.url.rstrip('/')}/{operation}/{self.key}", json.dumps(body).encode(), method="POST",
                headers={
                    "Content-Type": "application/json", "X-Vault-Token": self.token_file.read_text().strip(),
                    "X-Vault-Request": "true",
                },
            )  # fmt: skip
            with self._opened(request) as response:
                answer = json.loads(response.read(_LARGEST))["data"]
        except HTTPError as error:
            error.close()
            if error.code == 400 and operation == "decrypt":
                raise _Refused from None
            raise KeyServiceDown(f"The key management service answered {error.code}.") from None
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            raise KeyServiceDown(f"The key management service gave no answer: {type(error).__name__}.") from None
        return answer if isinstance(answer, dict) else {}

    def _opened(self, request: Request) -> HTTPResponse:
        context = ssl.create_default_context(cafile=self.ca_file or None)
        # No proxy and no redirect: the token goes to the configured address and nowhere else.
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context), _NoRedirect())
        response: HTTPResponse = opener.open(request, timeout=TIMEOUT)
        return response


class _Refused(Exception):
    """The service calls the ciphertext invalid."""


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **options: Any) -> None:
        return None
