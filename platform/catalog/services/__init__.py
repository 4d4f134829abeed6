"""Write advertisers, campaigns, creatives, media and spend."""

from catalog.services.campaigns import add_advertiser, add_campaign, set_campaign_state
from catalog.services.creatives import (
    add_creative,
    approve_creative,
    attach_media,
    reject_creative,
    set_creative_active,
)
from catalog.services.looks import look_at_media
from catalog.services.media import media_url, store_media
from catalog.services.spend import Booking, book_plays

__all__ = [
    "Booking",
    "add_advertiser",
    "add_campaign",
    "add_creative",
    "approve_creative",
    "attach_media",
    "book_plays",
    "look_at_media",
    "media_url",
    "reject_creative",
    "set_campaign_state",
    "set_creative_active",
    "store_media",
]
