"""A creative as a decision needs it: plain values, no row of the database."""

from dataclasses import dataclass
from uuid import UUID

from catalog.models import Approval, Audience, Creative
from recsys.features import Item


@dataclass(frozen=True, slots=True)
class Offer:
    """One creative that could be shown.

    Attributes:
        personal: whether it is meant for one person and hidden beside anybody unrecognised.
        minimum_age: age the audience must have reached, 0 for none.
        price_micros: what one play costs its campaign, 0 for content.
        currency: of the price; None for content.
        priority: 1 to 10, the higher tier first; content has 0.
        sha256: digest of the media; None while there is none.
    """

    id: UUID
    public_id: str
    title: str
    category: str
    personal: bool
    minimum_age: int
    duration_ms: int
    click_url: str | None
    campaign_id: UUID | None
    campaign_public_id: str | None
    advertiser_public_id: str | None
    advertiser_name: str | None
    price_micros: int
    currency: str | None
    priority: int
    sha256: str | None
    content_type: str | None
    bytes: int
    width: int
    height: int

    @property
    def paid(self) -> bool:
        """Whether a campaign pays for it."""
        return self.campaign_id is not None

    @property
    def item(self) -> Item:
        """The creative as ranking encodes it."""
        return Item(self.public_id, self.category, self.advertiser_public_id)


def offer_of(creative: Creative) -> Offer:
    """Return a creative, loaded with campaign, advertiser and media, as an offer."""
    campaign, media = creative.campaign, creative.media
    return Offer(
        id=creative.id,
        public_id=creative.public_id,
        title=creative.title,
        category=creative.category,
        personal=creative.audience == Audience.PERSONAL,
        minimum_age=creative.minimum_age or 0,
        duration_ms=creative.duration_ms,
        click_url=creative.click_url,
        campaign_id=creative.campaign_id,
        campaign_public_id=campaign.public_id if campaign else None,
        advertiser_public_id=campaign.advertiser.public_id if campaign else None,
        advertiser_name=campaign.advertiser.name if campaign else None,
        price_micros=campaign.price_micros if campaign else 0,
        currency=campaign.currency if campaign else None,
        priority=campaign.priority if campaign else 0,
        sha256=media.sha256 if media else None,
        content_type=media.content_type if media else None,
        bytes=media.bytes if media else 0,
        width=media.width if media else 0,
        height=media.height if media else 0,
    )


def is_released(creative: Creative) -> bool:
    """Return whether a person approved the creative and nobody has switched it off."""
    return creative.approval == Approval.APPROVED and creative.active and creative.media_id is not None
