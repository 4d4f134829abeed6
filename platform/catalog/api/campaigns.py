"""Advertisers and campaigns over HTTP."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from catalog import selectors, services
from catalog.api.documents import advertiser_document, campaign_document
from catalog.api.doors import ReadOrWrite
from catalog.api.shapes import (
    AdvertiserSerializer,
    CampaignSerializer,
    CampaignStateSerializer,
    NewAdvertiserSerializer,
    NewCampaignSerializer,
    checked,
)
from core.idempotency import idempotent
from core.ids import parse_public_id
from core.pagination import PARAMETERS, listed, page_of


class Advertisers(ReadOrWrite):
    """Who pays."""

    @extend_schema(operation_id="list_advertisers", parameters=PARAMETERS, responses=page_of(AdvertiserSerializer))
    def get(self, request: Request) -> Response:
        """List advertisers, newest first."""
        return listed(request, selectors.advertisers(operator_id=caller(request).operator_id), advertiser_document)

    @extend_schema(
        operation_id="add_advertiser", request=NewAdvertiserSerializer, responses={201: AdvertiserSerializer}
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Add an advertiser."""
        body, who = checked(NewAdvertiserSerializer, request.data), caller(request)
        advertiser = services.add_advertiser(operator_id=who.operator_id, name=body["name"], actor=who.actor)
        return Response(advertiser_document(advertiser), status=201)


class Campaigns(ReadOrWrite):
    """Flights with budgets."""

    @extend_schema(operation_id="list_campaigns", parameters=PARAMETERS, responses=page_of(CampaignSerializer))
    def get(self, request: Request) -> Response:
        """List campaigns, newest first."""
        return listed(request, selectors.campaigns(operator_id=caller(request).operator_id), campaign_document)

    @extend_schema(operation_id="add_campaign", request=NewCampaignSerializer, responses={201: CampaignSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Add a campaign; it begins as a draft."""
        body, who = checked(NewCampaignSerializer, request.data), caller(request)
        campaign = services.add_campaign(
            operator_id=who.operator_id, advertiser_id=parse_public_id("adv", body["advertiser"]), name=body["name"],
            starts_at=body["starts_at"], ends_at=body["ends_at"], budget_micros=body["budget_micros"],
            daily_budget_micros=body["daily_budget_micros"], price_micros=body["price_micros"],
            priority=body["priority"], cap_per_subject_per_day=body["cap_per_subject_per_day"],
            targeting=body["targeting"], actor=who.actor,
        )  # fmt: skip
        return Response(campaign_document(campaign), status=201)


class Campaign(APIView):
    """One flight."""

    scopes = ("read", "write")

    @extend_schema(operation_id="read_campaign", responses=CampaignSerializer)
    def get(self, request: Request, campaign: str) -> Response:
        """Read one campaign."""
        campaign_id = parse_public_id("cmp", campaign)
        found = selectors.get_campaign(operator_id=caller(request).operator_id, campaign_id=campaign_id)
        return Response(campaign_document(found))


class CampaignState(APIView):
    """Where a campaign stands."""

    scopes = ("write",)

    @extend_schema(
        operation_id="set_campaign_state", request=CampaignStateSerializer, responses={200: CampaignSerializer}
    )
    @idempotent
    def post(self, request: Request, campaign: str) -> Response:
        """Start, pause, resume or end a campaign."""
        body, who = checked(CampaignStateSerializer, request.data), caller(request)
        changed = services.set_campaign_state(
            operator_id=who.operator_id, campaign_id=parse_public_id("cmp", campaign), state=body["state"],
            actor=who.actor,
        )  # fmt: skip
        return Response(campaign_document(changed))
