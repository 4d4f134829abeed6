"""Enrol a face at a kiosk, with the consents that go with it."""

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import subjects.selectors
from accounts.principal import Principal, caller
from core import epochs
from core.idempotency import idempotent
from core.ids import parse_public_id
from identities.api.proofs import ProofBody, proof_of
from identities.frames import FrameParser, frame_of
from identities.services import enrol
from signage.serving import situation
from subjects.api.shapes import PurposesField, TakeawayAnswer
from subjects.receipts import takeaway


class EnrolmentBody(ProofBody):
    """A picture of one person, why they are there, the notice they read and what they consent to."""

    frame = serializers.FileField(help_text="JPEG, PNG or WebP, at most 8 MiB, one person facing the camera.")
    infrared = serializers.FileField(
        required=False,
        help_text="Near-infrared frame taken together with the frame, of the same size, where the camera has such a"
        " sensor: liveness is judged on it, too. Never kept.",
    )  # fmt: skip
    notice = serializers.CharField(help_text="The notice the person was shown, ntc_…")
    purposes = PurposesField(allow_empty=False, help_text="Repeat the field; recognise must be one of them.")
    method = serializers.CharField(max_length=30, default="tick_box", help_text="How the person said yes.")
    here_only = serializers.BooleanField(default=False, help_text="Limit the consents to the kiosk's venue.")
    expires_at = serializers.DateTimeField(
        required=False, help_text="End of the consents; without it the longest term."
    )


class Enrolments(APIView):
    """Enrolments: consent and template are stored together or not at all."""

    scopes = ("kiosk", "subjects")
    parser_classes = (FrameParser,)

    @extend_schema(
        operation_id="enrol", request={"multipart/form-data": EnrolmentBody}, responses={201: TakeawayAnswer}
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Enrol somebody who consented; the picture is dropped once its protected template is made."""
        principal = caller(request)
        frame = frame_of(request)
        body = EnrolmentBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        venue_id = _venue(principal)
        if given["here_only"] and venue_id is None:
            raise serializers.ValidationError({"here_only": "Only a paired kiosk stands at a venue."})
        notice = subjects.selectors.get_notice(
            operator_id=principal.operator_id, notice_id=parse_public_id("ntc", given["notice"])
        )  # fmt: skip
        registration = enrol(
            operator_id=principal.operator_id, frame=frame.data, content_type=frame.content_type, notice=notice,
            purposes=given["purposes"], channel="kiosk" if principal.device_id else "api", actor=principal.actor,
            infrared=frame.infrared, at=timezone.now(), proof=proof_of(request, given),
            origin="kiosk" if principal.device_id else "api", method=given["method"],
            venue_id=venue_id, here_only=given["here_only"], expires_at=given.get("expires_at"),
        )  # fmt: skip
        return Response(takeaway(registration), status=201)


def _venue(principal: Principal) -> UUID | None:
    if principal.device_id is None:
        return None
    versions = epochs.versions(operator_id=principal.operator_id)
    return situation(principal.operator_id, principal.device_id, versions).venue_id
