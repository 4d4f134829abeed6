"""What the API takes of advertisers, campaigns, creatives and media."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers

from catalog.models import Approval, Audience, CampaignState
from catalog.services.campaigns import LARGEST_MICROS
from catalog.services.creatives import LONGEST_MS, SHORTEST_MS
from core.times import parse_time


class OffsetTimeField(serializers.DateTimeField):
    """A time that says its offset; a local time without one is refused, not guessed."""

    def to_internal_value(self, value: Any) -> datetime:
        """Return the time in UTC.

        Raises:
            Malformed: no time, or one without an offset.
        """
        return parse_time(value, self.field_name or "time")


class NewAdvertiserSerializer(serializers.Serializer[Any]):
    """An advertiser to add."""

    name = serializers.CharField(max_length=120)


class AdvertiserSerializer(NewAdvertiserSerializer):
    """Who pays."""

    id = serializers.CharField()
    created_at = serializers.DateTimeField()


class NewCampaignSerializer(serializers.Serializer[Any]):
    """A campaign to add; money is in millionths of the operator's currency."""

    advertiser = serializers.CharField(help_text="The advertiser's id.")
    name = serializers.CharField(max_length=120)
    starts_at = OffsetTimeField()
    ends_at = OffsetTimeField(help_text="No longer part of the flight.")
    budget_micros = serializers.IntegerField(min_value=1, max_value=LARGEST_MICROS)
    daily_budget_micros = serializers.IntegerField(
        min_value=1, max_value=LARGEST_MICROS, required=False, allow_null=True, default=None, help_text="Per UTC day."
    )
    price_micros = serializers.IntegerField(min_value=0, max_value=LARGEST_MICROS, help_text="Of one play.")
    priority = serializers.IntegerField(min_value=1, max_value=10, default=5, help_text="The higher tier first.")
    cap_per_subject_per_day = serializers.IntegerField(
        min_value=1, max_value=1000, required=False, allow_null=True, default=None
    )
    targeting = serializers.DictField(
        default=dict, help_text="venue_categories, scenes and local hours; people cannot be targeted."
    )


class CampaignSerializer(NewCampaignSerializer):
    """A flight with a budget."""

    id = serializers.CharField()
    state = serializers.ChoiceField(choices=CampaignState.choices)
    currency = serializers.CharField()
    created_at = serializers.DateTimeField()


class CampaignStateSerializer(serializers.Serializer[Any]):
    """Where a campaign shall go."""

    state = serializers.ChoiceField(choices=CampaignState.choices)


class NewCreativeSerializer(serializers.Serializer[Any]):
    """A creative to add."""

    title = serializers.CharField(max_length=160)
    category = serializers.CharField(max_length=60, help_text="What it is about, for instance movies.drama.")
    duration_ms = serializers.IntegerField(min_value=SHORTEST_MS, max_value=LONGEST_MS)
    campaign = serializers.CharField(
        required=False, allow_null=True, default=None, help_text="The campaign's id; none for content."
    )
    media = serializers.CharField(required=False, allow_null=True, default=None, help_text="The media's id.")
    audience = serializers.ChoiceField(choices=Audience.choices, default=Audience.PUBLIC)
    minimum_age = serializers.IntegerField(
        min_value=1, max_value=99, required=False, allow_null=True, default=None,
        help_text="Age the venue must vouch for.",
    )  # fmt: skip
    click_url = serializers.CharField(max_length=500, required=False, allow_null=True, default=None)


class NewCreativeFormSerializer(NewCreativeSerializer):
    """A creative to add, with its picture in the same request."""

    file = serializers.FileField(help_text="PNG, JPEG or WebP, at most 20 MiB and 8192 pixels a side.")


class MediaSerializer(serializers.Serializer[Any]):
    """One picture."""

    id = serializers.CharField()
    sha256 = serializers.CharField()
    bytes = serializers.IntegerField()
    content_type = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    url = serializers.CharField(help_text="Signed link for an <img>; expires.")
    expires_at = serializers.DateTimeField(help_text="Of the link.")


class NewMediaSerializer(serializers.Serializer[Any]):
    """A picture to store."""

    file = serializers.FileField(help_text="PNG, JPEG or WebP, at most 20 MiB and 8192 pixels a side.")


class CreativeSerializer(serializers.Serializer[Any]):
    """One piece of media with what must be known to show it."""

    id = serializers.CharField()
    campaign = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    category = serializers.CharField()
    media = MediaSerializer(allow_null=True)
    duration_ms = serializers.IntegerField()
    audience = serializers.ChoiceField(choices=Audience.choices)
    minimum_age = serializers.IntegerField(allow_null=True)
    approval = serializers.ChoiceField(choices=Approval.choices)
    rejection_reason = serializers.CharField()
    active = serializers.BooleanField()
    click_url = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class ReviewSerializer(serializers.Serializer[Any]):
    """What a person decided about a creative."""

    approved = serializers.BooleanField()
    reason = serializers.CharField(
        max_length=300, required=False, default="", allow_blank=True, help_text="Needed for a rejection."
    )


def checked(serializer: type[serializers.Serializer[Any]], data: Any) -> Mapping[str, Any]:
    """Return the validated body.

    Raises:
        ValidationError: it has the wrong shape.
    """
    parsed = serializer(data=data)
    parsed.is_valid(raise_exception=True)
    return dict(parsed.validated_data)
