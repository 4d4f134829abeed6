"""What can go wrong with campaigns, creatives and media."""

from typing import ClassVar

from core.problems import Conflict, Forbidden, NotFound, Problem, Unusable


class UnknownCategory(Unusable):
    """Creatives cannot be about this."""

    code = "unknown_category"
    title = "Unknown category"


class UnusableCampaign(Unusable):
    """A campaign's flight, money or targeting contradicts itself."""

    code = "unusable_campaign"
    title = "Campaign cannot be used"


class UnusableCreative(Unusable):
    """A creative's duration, age or link is out of range."""

    code = "unusable_creative"
    title = "Creative cannot be used"


class CampaignStateConflict(Conflict):
    """A campaign cannot go from its present state to the wanted one."""

    code = "campaign_state_conflict"
    title = "Campaign is in another state"


class CreativeWithoutMedia(Conflict):
    """A creative is approved with its picture, not before."""

    code = "creative_without_media"
    title = "Creative has no media"


class AdvertiserExists(Conflict):
    """The operator already has an advertiser of this name."""

    code = "advertiser_exists"
    title = "Advertiser exists"


class UnknownCampaign(NotFound):
    """Plays were booked for a campaign the operator does not have."""

    code = "unknown_campaign"
    title = "Unknown campaign"


class UnknownMedia(NotFound):
    """No media of the operator has this digest."""

    code = "unknown_media"
    title = "Unknown media"


class MediaTooLarge(Problem):
    """The file has too many bytes."""

    status: ClassVar[int] = 413
    code = "media_too_large"
    title = "Media too large"


class MediaTypeRefused(Problem):
    """The file is no PNG, JPEG or WebP, or another one than was said."""

    status: ClassVar[int] = 415
    code = "media_type_refused"
    title = "Media type refused"


class UnusableMedia(Unusable):
    """The picture cannot be decoded, or is too wide or too high."""

    code = "unusable_media"
    title = "Media cannot be used"


class MediaLinkRefused(Forbidden):
    """The signed link is wrong or has expired."""

    code = "media_link_refused"
    title = "Media link refused"
