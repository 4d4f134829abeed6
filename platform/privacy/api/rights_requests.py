"""What people ask for under their rights, over HTTP."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from core.idempotency import idempotent
from core.ids import parse_public_id, public_id
from core.pagination import PARAMETERS, listed, page_of
from core.problems import Malformed
from core.times import utc
from privacy import selectors
from privacy.models import Kind, RightsRequest, State
from privacy.services import ask, export


class RightsRequestBody(serializers.Serializer[Any]):
    """What somebody asks for."""

    subject = serializers.CharField(help_text="sub_…")
    kind = serializers.ChoiceField(choices=Kind.choices, help_text="access, export, correction, objection or erasure")
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)


class CertificateAnswer(serializers.Serializer[Any]):
    """Proof of an erasure."""

    id = serializers.CharField()
    body = serializers.DictField(help_text="What was erased and searched; signed in canonical JSON.")
    signature = serializers.CharField(help_text="Ed25519, hexadecimal; the body holds the public key.")


class RightsRequestAnswer(serializers.Serializer[Any]):
    """A request and how far it is."""

    id = serializers.CharField()
    subject = serializers.CharField(allow_null=True, help_text="null once the subject is erased")
    kind = serializers.CharField()
    state = serializers.CharField(help_text="open, done or failed")
    channel = serializers.CharField()
    reason = serializers.CharField(help_text="Why it failed, or how it ended.")
    asked_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    certificate = CertificateAnswer(allow_null=True)


class AnsweredRequest(RightsRequestAnswer):
    """A request just made; access and export are answered with everything kept."""

    kept = serializers.DictField(allow_null=True, help_text="Everything kept of the subject.")


class RightsRequests(APIView):
    """Rights requests of an operator's subjects."""

    scopes = ("subjects",)

    @extend_schema(
        operation_id="list_rights_requests",
        parameters=[*PARAMETERS, OpenApiParameter("state", str, description="open, done or failed")],
        responses=page_of(RightsRequestAnswer),
    )
    def get(self, request: Request) -> Response:
        """List rights requests, newest first."""
        state = request.query_params.get("state")
        if state is not None and state not in State.values:
            raise Malformed(f"state: expected one of {', '.join(State.values)}.")
        return listed(request, selectors.requests(operator_id=caller(request).operator_id, state=state), document)

    @extend_schema(operation_id="make_rights_request", request=RightsRequestBody, responses={201: AnsweredRequest})
    @idempotent
    def post(self, request: Request) -> Response:
        """Ask for access, export, correction, objection or erasure in a subject's name."""
        principal = caller(request)
        body = RightsRequestBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        subject_id = parse_public_id("sub", given["subject"])
        asked = ask(
            operator_id=principal.operator_id, subject_id=subject_id, kind=given["kind"], channel="api",
            actor=principal.actor, at=timezone.now(), note=given["note"],
        )  # fmt: skip
        wanted = asked.kind in {Kind.ACCESS, Kind.EXPORT}
        kept = export(operator_id=principal.operator_id, subject_id=subject_id) if wanted else None
        return Response(document(asked) | {"kept": kept}, status=201)


class OneRightsRequest(APIView):
    """One rights request."""

    scopes = ("subjects",)

    @extend_schema(operation_id="read_rights_request", responses=RightsRequestAnswer)
    def get(self, request: Request, rights_request: str) -> Response:
        """Read how far a request is, and its certificate."""
        request_id = parse_public_id(RightsRequest.PREFIX, rights_request)
        return Response(document(selectors.get_request(operator_id=caller(request).operator_id, request_id=request_id)))


def document(request: RightsRequest) -> dict[str, Any]:
    """Return a rights request as the API shows it."""
    certificate = request.certificate
    return {
        "id": request.public_id,
        "subject": public_id("sub", request.subject_id) if request.subject_id else None,
        "kind": request.kind,
        "state": request.state,
        "channel": request.channel,
        "reason": request.reason,
        "asked_at": utc(request.asked_at),
        "due_at": utc(request.due_at),
        "finished_at": utc(request.finished_at) if request.finished_at else None,
        "certificate": {
            "id": certificate.public_id, "body": certificate.body, "signature": bytes(certificate.signature).hex(),
        } if certificate else None,
    }  # fmt: skip
