"""Give, read and withdraw consents."""

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from core.idempotency import idempotent
from core.ids import parse_public_id
from subjects import selectors
from subjects.api.shapes import (
    ConsentBody,
    ConsentsAnswer,
    LedgerAnswer,
    SubjectWithdrawalBody,
    WithdrawnAnswer,
    consent_answer,
    entry_answer,
)
from subjects.api.subjects import terms_of
from subjects.models import Subject
from subjects.purposes import Purpose
from subjects.services import give_consent, withdraw_consent


class Consents(APIView):
    """The consent ledger."""

    scopes = ("subjects",)

    @extend_schema(
        operation_id="read_consents",
        parameters=[OpenApiParameter("subject", str, required=True, description="sub_…")],
        responses=LedgerAnswer,
    )
    def get(self, request: Request) -> Response:
        """Read everything that happened to a subject's consents, oldest first."""
        subject_id = parse_public_id(Subject.PREFIX, request.query_params.get("subject", ""))
        entries = selectors.ledger_of(operator_id=caller(request).operator_id, subject_id=subject_id)
        return Response({"items": [entry_answer(entry) for entry in entries]})

    @extend_schema(operation_id="give_consent", request=ConsentBody, responses={201: ConsentsAnswer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Record that a registered subject consented to more purposes, or again."""
        principal = caller(request)
        terms = terms_of(request, ConsentBody)
        given = give_consent(
            operator_id=principal.operator_id, channel="api", actor=principal.actor, at=timezone.now(), **terms
        )  # fmt: skip
        return Response({"items": [consent_answer(consent) for consent in given]}, status=201)


class Withdrawals(APIView):
    """Withdrawals by an integration or a member."""

    scopes = ("subjects",)

    @extend_schema(operation_id="withdraw_consents", request=SubjectWithdrawalBody, responses=WithdrawnAnswer)
    @idempotent
    def post(self, request: Request) -> Response:
        """End consents at once, everywhere; repeating it changes nothing."""
        principal = caller(request)
        body = SubjectWithdrawalBody(data=request.data)
        body.is_valid(raise_exception=True)
        subject_id = parse_public_id(Subject.PREFIX, body.validated_data["subject"])
        withdrawn = [
            purpose
            for purpose in body.validated_data.get("purposes", list(Purpose))
            if withdraw_consent(
                operator_id=principal.operator_id, subject_id=subject_id, purpose=purpose, channel="api",
                actor=principal.actor, at=timezone.now(),
            )
        ]  # fmt: skip
        return Response({"withdrawn": withdrawn})
