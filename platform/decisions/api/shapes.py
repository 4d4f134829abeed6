"""What the API shows of decisions: documents, and their description for OpenAPI."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

import catalog.links
from catalog.offers import Offer
from core.ids import public_id
from core.times import utc
from decisions.models import Basis, Decision
from decisions.selectors import choices_of
from decisions.services import Slate
from decisions.wish import MAXIMUM_PEOPLE, MAXIMUM_SLOTS, MAXIMUM_VIEWERS


class AudienceSerializer(serializers.Serializer[Any]):
    """Those who stand before the screen, as numbers."""

    count = serializers.IntegerField(
        required=False, min_value=0, max_value=MAXIMUM_PEOPLE, help_text="People seen, recognised or not."
    )


class WishSerializer(serializers.Serializer[Any]):
    """A request for a decision."""

    scene = serializers.CharField(required=False, max_length=60, help_text="Key of a scene; the screen's default else.")
    viewers = serializers.ListField(
        child=serializers.CharField(), required=False, max_length=MAXIMUM_VIEWERS,
        help_text="Viewer tokens from POST /v1/recognitions.",
    )  # fmt: skip
    audience = AudienceSerializer(required=False)
    slots = serializers.IntegerField(required=False, min_value=1, max_value=MAXIMUM_SLOTS)
    criteria = serializers.DictField(required=False, help_text="Facts about the moment, for instance weather; logged.")


class ShownMediaSerializer(serializers.Serializer[Any]):
    """A file to show."""

    id = serializers.CharField(help_text="Names the content: the same bytes have the same id.")
    sha256 = serializers.CharField()
    content_type = serializers.CharField()
    bytes = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    url = serializers.CharField(help_text="Relative to the API's origin; needs no token until it expires.")
    expires_at = serializers.DateTimeField()


class LeaseSerializer(serializers.Serializer[Any]):
    """How long a slate may be played."""

    expires_at = serializers.DateTimeField()
    seconds = serializers.FloatField()


class PlaceSerializer(serializers.Serializer[Any]):
    """One place of a slate."""

    position = serializers.IntegerField()
    creative = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField()
    duration_ms = serializers.IntegerField()
    media = ShownMediaSerializer()
    basis = serializers.ChoiceField(choices=Basis.choices)
    reasons = serializers.ListField(child=serializers.CharField())
    propensity = serializers.FloatField(help_text="Probability of this creative here, given the places before.")
    why_url = serializers.CharField(help_text="Page that explains this place; made for a QR code.")


class DecisionSerializer(serializers.Serializer[Any]):
    """What to show next."""

    decision = serializers.CharField()
    scene = serializers.CharField()
    at = serializers.DateTimeField()
    lease = LeaseSerializer()
    basis = serializers.ChoiceField(choices=Basis.choices)
    purposes = serializers.ListField(child=serializers.CharField(), help_text="Consents the decision rests on.")
    model = serializers.CharField()
    slate = PlaceSerializer(many=True)
    degraded = serializers.CharField(required=False, help_text="Why the decision is less than it could be.")


class ExplainedPlaceSerializer(serializers.Serializer[Any]):
    """One place of a logged slate."""

    position = serializers.IntegerField()
    creative = serializers.CharField()
    campaign = serializers.CharField(allow_null=True)
    category = serializers.CharField()
    duration_ms = serializers.IntegerField()
    basis = serializers.ChoiceField(choices=Basis.choices)
    reasons = serializers.ListField(child=serializers.CharField())
    propensity = serializers.FloatField()
    score = serializers.FloatField(help_text="Estimated probability that somebody engages.")
    price_micros = serializers.IntegerField()


class ExplanationSerializer(serializers.Serializer[Any]):
    """A decision of the log; it names nobody."""

    decision = serializers.CharField()
    screen = serializers.CharField()
    scene = serializers.CharField()
    policy = serializers.CharField()
    at = serializers.DateTimeField()
    lease = LeaseSerializer()
    basis = serializers.ChoiceField(choices=Basis.choices)
    purposes = serializers.ListField(child=serializers.CharField())
    audience = serializers.DictField(child=serializers.IntegerField())
    situation = serializers.DictField(help_text="What the ranker was told about place and time.")
    criteria = serializers.DictField()
    model = serializers.CharField()
    degraded = serializers.CharField(required=False)
    slate = ExplainedPlaceSerializer(many=True)


def media_document(offer: Offer, at: datetime) -> dict[str, Any]:
    """Return an offer's file as the API shows it."""
    assert offer.sha256 is not None
    return {
        "id": offer.sha256,
        "sha256": offer.sha256,
        "content_type": offer.content_type,
        "bytes": offer.bytes,
        "width": offer.width,
        "height": offer.height,
        "url": catalog.links.media_url(offer.sha256, at),
        "expires_at": utc(catalog.links.expiry(at)),
    }


def slate_document(slate: Slate) -> dict[str, Any]:
    """Return a fresh decision as the player gets it."""
    return {
        "decision": public_id(Decision.PREFIX, slate.decision_id),
        "scene": slate.scene,
        "at": utc(slate.at),
        "lease": _lease(slate.at, slate.lease_until),
        "basis": slate.basis,
        "purposes": slate.purposes,
        "model": slate.model,
        "slate": [
            {
                "position": position,
                "creative": place.pick.offer.public_id,
                "title": place.pick.offer.title,
                "category": place.pick.offer.category,
                "duration_ms": place.pick.offer.duration_ms,
                "media": media_document(place.pick.offer, slate.at),
                "basis": slate.basis,
                "reasons": place.reasons,
                "propensity": place.pick.propensity,
                "why_url": place.why_url,
            }
            for position, place in enumerate(slate.places)
        ],
    } | ({"degraded": slate.degraded} if slate.degraded else {})


def explanation_document(decision: Decision) -> dict[str, Any]:
    """Return a logged decision as the API explains it."""
    return {
        "decision": decision.public_id,
        "screen": public_id("scr", decision.screen_id),
        "scene": decision.scene,
        "policy": decision.policy,
        "at": utc(decision.at),
        "lease": _lease(decision.at, decision.lease_until),
        "basis": decision.basis,
        "purposes": decision.purposes,
        "audience": decision.audience,
        "situation": decision.context,
        "criteria": decision.criteria,
        "model": decision.model,
        "slate": [
            {
                "position": choice.position,
                "creative": public_id("crv", choice.creative_id),
                "campaign": public_id("cmp", choice.campaign_id) if choice.campaign_id else None,
                "category": choice.category,
                "duration_ms": choice.duration_ms,
                "basis": choice.basis,
                "reasons": choice.reasons,
                "propensity": choice.propensity,
                "score": choice.score,
                "price_micros": choice.price_micros,
            }
            for choice in choices_of(decision)
        ],
    } | ({"degraded": decision.degraded} if decision.degraded else {})


def _lease(at: datetime, until: datetime) -> dict[str, Any]:
    return {"expires_at": utc(until), "seconds": round((until - at).total_seconds(), 3)}
