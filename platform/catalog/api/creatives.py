"""Creatives over HTTP."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from catalog import selectors, services
from catalog.api.documents import creative_document
from catalog.api.doors import ReadOrWrite, TakesPictures, picture_of
from catalog.api.shapes import (
    CreativeSerializer,
    NewCreativeFormSerializer,
    NewCreativeSerializer,
    ReviewSerializer,
    checked,
)
from core.idempotency import idempotent
from core.ids import parse_public_id
from core.pagination import PARAMETERS, listed, page_of


class Creatives(TakesPictures):
    """What can be shown."""

    @extend_schema(operation_id="list_creatives", parameters=PARAMETERS, responses=page_of(CreativeSerializer))
    def get(self, request: Request) -> Response:
        """List creatives, newest first."""
        at = timezone.now()
        rows = selectors.creatives(operator_id=caller(request).operator_id)
        return listed(request, rows, lambda creative: creative_document(creative, at))

    @extend_schema(
        operation_id="add_creative",
        request={"application/json": NewCreativeSerializer, "multipart/form-data": NewCreativeFormSerializer},
        responses={201: CreativeSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Add a creative, with its picture when the body is a form; it waits for approval."""
        body, who = checked(NewCreativeSerializer, request.data), caller(request)
        media_id = parse_public_id("med", body["media"]) if body["media"] else None
        if request.FILES:
            data, content_type = picture_of(request)
            media_id = services.store_media(
                operator_id=who.operator_id, data=data, content_type=content_type, actor=who.actor
            ).id
        creative = services.add_creative(
            operator_id=who.operator_id, title=body["title"], category=body["category"],
            duration_ms=body["duration_ms"], media_id=media_id, audience=body["audience"],
            campaign_id=parse_public_id("cmp", body["campaign"]) if body["campaign"] else None,
            minimum_age=body["minimum_age"], click_url=body["click_url"], actor=who.actor,
        )  # fmt: skip
        return Response(creative_document(creative, timezone.now()), status=201)


class Creative(ReadOrWrite):
    """One creative."""

    @extend_schema(operation_id="read_creative", responses=CreativeSerializer)
    def get(self, request: Request, creative: str) -> Response:
        """Read one creative."""
        creative_id = parse_public_id("crv", creative)
        found = selectors.get_creative(operator_id=caller(request).operator_id, creative_id=creative_id)
        return Response(creative_document(found, timezone.now()))


class Reviews(APIView):
    """What a person decided about a creative."""

    scopes = ("write",)

    @extend_schema(operation_id="review_creative", request=ReviewSerializer, responses={200: CreativeSerializer})
    @idempotent
    def post(self, request: Request, creative: str) -> Response:
        """Approve or reject a creative."""
        body, who = checked(ReviewSerializer, request.data), caller(request)
        creative_id = parse_public_id("crv", creative)
        if body["approved"]:
            services.approve_creative(operator_id=who.operator_id, creative_id=creative_id, actor=who.actor)
        else:
            services.reject_creative(
                operator_id=who.operator_id, creative_id=creative_id, reason=body["reason"], actor=who.actor
            )
        found = selectors.get_creative(operator_id=who.operator_id, creative_id=creative_id)
        return Response(creative_document(found, timezone.now()))
