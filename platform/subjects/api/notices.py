"""The notice in force, and proof that it was shown."""

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from core.idempotency import idempotent
from core.ids import parse_public_id
from core.times import utc
from subjects import selectors
from subjects.api.shapes import NoticeAnswer, NoticeViewAnswer, NoticeViewBody, notice_answer
from subjects.models import Notice
from subjects.services import show_notice


class CurrentNotice(APIView):
    """The notice in force."""

    scopes = ("kiosk", "device", "subjects", "read")

    @extend_schema(
        operation_id="read_current_notice",
        parameters=[OpenApiParameter("language", str, description="for instance de; English is the fallback")],
        responses=NoticeAnswer,
    )
    def get(self, request: Request) -> Response:
        """Read the notice that people have to be shown now."""
        language = request.query_params.get("language", "en")
        return Response(
            notice_answer(selectors.current_notice(operator_id=caller(request).operator_id, language=language))
        )


class NoticeViews(APIView):
    """Proofs that a notice was shown."""

    scopes = ("kiosk", "device")

    @extend_schema(operation_id="record_notice_view", request=NoticeViewBody, responses={201: NoticeViewAnswer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Record that a notice is on a screen now; nothing is said about who reads it."""
        body = NoticeViewBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        principal = caller(request)
        notice = selectors.get_notice(
            operator_id=principal.operator_id, notice_id=parse_public_id(Notice.PREFIX, given["notice"])
        )  # fmt: skip
        view = show_notice(
            operator_id=principal.operator_id, notice=notice,
            channel="kiosk" if "kiosk" in principal.scopes else "screen",
            at=timezone.now(), screen_id=parse_public_id("scr", given["screen"]) if "screen" in given else None,
        )  # fmt: skip
        return Response({"id": view.public_id, "at": utc(view.at)}, status=201)
