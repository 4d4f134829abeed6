"""Register subjects without a camera, and read them."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from audit.services import record
from core.idempotency import idempotent
from core.ids import parse_public_id
from core.pagination import PARAMETERS, listed, page_of
from subjects import selectors
from subjects.api.shapes import ConsentTermsBody, SubjectAnswer, TakeawayAnswer, subject_answer
from subjects.models import Notice, Origin, Subject
from subjects.receipts import takeaway
from subjects.services import register


class Subjects(APIView):
    """The subjects of an operator."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of which a caller needs one: kiosks register people, but do not list them."""
        return ("kiosk", "subjects") if self.request.method == "POST" else ("subjects",)

    @extend_schema(
        operation_id="list_subjects",
        parameters=[*PARAMETERS, OpenApiParameter("search", str, description="A part of the pseudonym.")],
        responses=page_of(SubjectAnswer),
    )
    def get(self, request: Request) -> Response:
        """List subjects, newest first."""
        found = selectors.found(
            operator_id=caller(request).operator_id, search=request.query_params.get("search", "")
        )  # fmt: skip
        return listed(request, found, subject_answer)

    @extend_schema(operation_id="register_subject", request=ConsentTermsBody, responses={201: TakeawayAnswer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Register somebody without a camera: the loyalty token serves them as well as a face would."""
        principal = caller(request)
        terms = terms_of(request, ConsentTermsBody)
        kiosk = "kiosk" in principal.scopes
        registration = register(
            operator_id=principal.operator_id, actor=principal.actor, origin=Origin.KIOSK if kiosk else Origin.API,
            channel="kiosk" if kiosk else "api", at=timezone.now(), **terms,
        )  # fmt: skip
        return Response(takeaway(registration), status=201)


class OneSubject(APIView):
    """One subject."""

    scopes = ("subjects",)

    @extend_schema(operation_id="read_subject", responses=SubjectAnswer)
    def get(self, request: Request, subject: str) -> Response:
        """Read a subject and the state of their consents; the reading is audited."""
        subject_id = parse_public_id(Subject.PREFIX, subject)
        principal = caller(request)
        found = selectors.get(operator_id=principal.operator_id, subject_id=subject_id)
        record(
            operator_id=principal.operator_id, actor=principal.actor, action="subject.read", target=found.public_id
        )  # fmt: skip
        return Response(subject_answer(found))


def terms_of(request: Request, shape: type[ConsentTermsBody]) -> dict[str, Any]:
    """Return the body's consent terms as the services take them."""
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    given = body.validated_data
    notice_id = parse_public_id(Notice.PREFIX, given["notice"])
    subject = {"subject_id": parse_public_id(Subject.PREFIX, given["subject"])} if "subject" in given else {}
    return subject | {
        "notice": selectors.get_notice(operator_id=caller(request).operator_id, notice_id=notice_id),
        "purposes": given["purposes"],
        "method": given["method"],
        "venue_id": parse_public_id("ven", given["venue"]) if "venue" in given else None,
        "expires_at": given.get("expires_at"),
    }
