"""The preference centre of a subject: the receipt's token is the credential."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.tenancy import enter
from subjects import selectors
from subjects.api.shapes import ReceiptAnswer, WithdrawalBody, WithdrawnAnswer, consent_answer
from subjects.purposes import Purpose
from subjects.services import withdraw_consent


class OneReceipt(APIView):
    """What the holder of a receipt may see."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="read_receipt", auth=[], responses=ReceiptAnswer)
    def get(self, request: Request, token: str) -> Response:
        """Read one's own consents."""
        holder = selectors.receipt_holder(token)
        enter(holder.operator_id)
        subject = selectors.get(operator_id=holder.operator_id, subject_id=holder.subject_id)
        consents = selectors.consents_of(operator_id=holder.operator_id, subject_id=holder.subject_id)
        return Response({"pseudonym": subject.pseudonym, "consents": [consent_answer(consent) for consent in consents]})


class ReceiptWithdrawals(APIView):
    """Withdrawals by the subject."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="withdraw_by_receipt", auth=[], request=WithdrawalBody, responses=WithdrawnAnswer)
    def post(self, request: Request, token: str) -> Response:
        """End one's own consents at once, everywhere; repeating it changes nothing."""
        body = WithdrawalBody(data=request.data)
        body.is_valid(raise_exception=True)
        holder = selectors.receipt_holder(token)
        enter(holder.operator_id)
        withdrawn = [
            purpose
            for purpose in body.validated_data.get("purposes", list(Purpose))
            if withdraw_consent(
                operator_id=holder.operator_id, subject_id=holder.subject_id, purpose=purpose, channel="portal",
                actor=holder.actor, at=timezone.now(),
            )
        ]  # fmt: skip
        return Response({"withdrawn": withdrawn})
