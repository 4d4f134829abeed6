"""What the API shows of advertisers, campaigns, creatives and media."""

from datetime import datetime
from typing import Any

from catalog.links import expiry, media_url
from catalog.models import Advertiser, Campaign, Creative, Media
from core.ids import public_id
from core.times import utc


def advertiser_document(advertiser: Advertiser) -> dict[str, Any]:
    """Return an advertiser as the API shows it."""
    return {"id": advertiser.public_id, "name": advertiser.name, "created_at": utc(advertiser.created_at)}


def campaign_document(campaign: Campaign) -> dict[str, Any]:
    """Return a campaign as the API shows it."""
    return {
        "id": campaign.public_id,
        "advertiser": public_id(Advertiser.PREFIX, campaign.advertiser_id),
        "name": campaign.name,
        "starts_at": utc(campaign.starts_at),
        "ends_at": utc(campaign.ends_at),
        "state": campaign.state,
        "priority": campaign.priority,
        "currency": campaign.currency,
        "budget_micros": campaign.budget_micros,
        "daily_budget_micros": campaign.daily_budget_micros,
        "price_micros": campaign.price_micros,
        "cap_per_subject_per_day": campaign.cap_per_subject_per_day,
        "targeting": campaign.targeting,
        "created_at": utc(campaign.created_at),
    }


def media_document(media: Media, at: datetime) -> dict[str, Any]:
    """Return a picture as the API shows it, with a link made at ``at``."""
    return {
        "id": media.public_id,
        "sha256": media.sha256,
        "bytes": media.bytes,
        "content_type": media.content_type,
        "width": media.width,
        "height": media.height,
        "url": media_url(media.sha256, at),
        "expires_at": utc(expiry(at)),
    }


def creative_document(creative: Creative, at: datetime) -> dict[str, Any]:
    """Return a creative as the API shows it, its picture linked at ``at``."""
    return {
        "id": creative.public_id,
        "campaign": public_id(Campaign.PREFIX, creative.campaign_id) if creative.campaign_id else None,
        "title": creative.title,
        "category": creative.category,
        "media": media_document(creative.media, at) if creative.media else None,
        "duration_ms": creative.duration_ms,
        "audience": creative.audience,
        "minimum_age": creative.minimum_age,
        "approval": creative.approval,
        "rejection_reason": creative.rejection_reason,
        "active": creative.active,
        "click_url": creative.click_url,
        "created_at": utc(creative.created_at),
    }
