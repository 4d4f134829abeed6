"""Pairing over HTTP: the device's side is open, the claim is a member's."""

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.principal import caller
from core.idempotency import idempotent
from core.ids import parse_public_id
from core.problems import Unauthenticated
from signage import services
from signage.api.shapes import (
    ClaimSerializer,
    NewPairingSerializer,
    PairingSerializer,
    PlayerSerializer,
    StartedPairingSerializer,
    checked,
    pairing_document,
    started_document,
)


class Pairings(APIView):
    """Where a device without a token begins. Open codes are counted per address in the database: 429 beyond."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="start_pairing", request=NewPairingSerializer, responses={201: StartedPairingSerializer}, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Ask for a code to show; it lives ten minutes."""
        body = checked(NewPairingSerializer, request.data)
        started = services.start_pairing(kind=body["kind"], remote=address_of(request), at=timezone.now())
        return Response(started_document(started), status=201, headers={"Cache-Control": "no-store"})


class Pairing(APIView):
    """Where a pairing stands."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="read_pairing",
        responses=PairingSerializer,
        auth=[{"bearer": []}],  # type: ignore[list-item]  # a security requirement object, as it is written out
    )
    def get(self, request: Request, pairing: str) -> Response:
        """Wait for the claim; the first answer after it holds the device token, and only that one.

        The bearer token is the secret that came with the code.
        """
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Unauthenticated("Send the pairing's secret as a bearer token.")
        found = services.collect(pairing_id=parse_public_id("pair", pairing), secret=secret.strip(), at=timezone.now())
        return Response(pairing_document(found), headers={"Cache-Control": "no-store"})


class Claims(APIView):
    """Codes that members read off screens."""

    scopes = ("write",)

    @extend_schema(operation_id="claim_pairing", request=ClaimSerializer, responses={201: PlayerSerializer})
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        """Make the device that shows a code a player of a screen."""
        body = checked(ClaimSerializer, request.data)
        player = services.claim(
            operator_id=caller(request).operator_id, code=body["code"], name=body["name"],
            screen_id=parse_public_id("scr", body["screen"]), actor=caller(request).actor, at=timezone.now(),
        )  # fmt: skip
        shown = {"id": player.public_id, "name": player.name, "kind": player.kind, "screen": player.screen.public_id}
        return Response(shown, status=201)


def address_of(request: Request) -> str:
    """Return the caller's address; ``X-Forwarded-For`` counts only when ``NUM_PROXIES`` says who may set it."""
    if api_settings.NUM_PROXIES is None:
        return str(request.META.get("REMOTE_ADDR", ""))
    return str(BaseThrottle().get_ident(request))
