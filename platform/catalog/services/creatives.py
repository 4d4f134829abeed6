"""Add creatives, and let a person approve or reject them."""

from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction
from django.utils import timezone

from catalog.categories import check_category
from catalog.errors import CampaignStateConflict, CreativeWithoutMedia, UnusableCreative
from catalog.models import Approval, Audience, CampaignState, Creative
from catalog.selectors import get_campaign, get_media
from catalog.services.changes import changed
from core.problems import NotFound

SHORTEST_MS, LONGEST_MS = 1_000, 600_000
_check_url = URLValidator(schemes=["http", "https"])


@transaction.atomic
def add_creative(
    *,
    operator_id: UUID,
    title: str,
    category: str,
    duration_ms: int,
    actor: str,
    campaign_id: UUID | None = None,
    media_id: UUID | None = None,
    audience: str = Audience.PUBLIC,
    minimum_age: int | None = None,
    click_url: str | None = None,
) -> Creative:
    """Add a creative; it waits for approval before it is shown.

    Args:
        category: see ``catalog.categories``.
        duration_ms: how long one play lasts, 1,000 to 600,000 milliseconds.
        campaign_id: None for content.
        media_id: may follow before the approval; None while the picture is being made.
        audience: ``public``, or ``personal``, which hides it beside anybody unrecognised.
        minimum_age: age the venue must vouch for; None for no gate.

    Raises:
        NotFound: the operator has no such campaign or media.
        CampaignStateConflict: the campaign has ended.
        UnknownCategory: creatives cannot be about this.
        UnusableCreative: title, duration, age or link are out of range.
    """
    _check(title, duration_ms, minimum_age, click_url)
    if audience not in Audience.values:
        raise UnusableCreative(f"audience: expected one of {', '.join(Audience.values)}.")
    if campaign_id is not None:
        campaign = get_campaign(operator_id=operator_id, campaign_id=campaign_id)
        if campaign.state == CampaignState.ENDED:
            raise CampaignStateConflict(f"{campaign.name} has ended and takes no more creatives.")
    if media_id is not None:
        get_media(operator_id=operator_id, media_id=media_id)
    creative = Creative.objects.create(
        operator_id=operator_id, campaign_id=campaign_id, title=title.strip(), category=check_category(category),
        media_id=media_id, duration_ms=duration_ms, audience=audience, minimum_age=minimum_age,
        click_url=click_url or None,
    )  # fmt: skip
    changed(
        operator_id=operator_id, actor=actor, action="creative.added", target=creative.public_id,
        detail={"category": category},
    )  # fmt: skip
    return creative


@transaction.atomic
def attach_media(*, operator_id: UUID, creative_id: UUID, media_id: UUID, actor: str) -> Creative:
    """Give a creative its picture, or another one; it waits for approval again.

    Raises:
        NotFound: the operator has no such creative or media.
    """
    creative = _locked(operator_id, creative_id)
    media = get_media(operator_id=operator_id, media_id=media_id)
    creative.media, creative.approval, creative.rejection_reason = media, Approval.PENDING, ""
    creative.media_since = timezone.now()
    creative.save(update_fields=["media", "media_since", "approval", "rejection_reason"])
    changed(
        operator_id=operator_id, actor=actor, action="creative.media_attached", target=creative.public_id,
        detail={"media": media.public_id},
    )  # fmt: skip
    return creative


@transaction.atomic
def approve_creative(*, operator_id: UUID, creative_id: UUID, actor: str) -> Creative:
    """Let a creative be shown.

    Raises:
        NotFound: the operator has no such creative.
        CreativeWithoutMedia: there is nothing to look at yet.
    """
    creative = _locked(operator_id, creative_id)
    if creative.media_id is None:
        raise CreativeWithoutMedia("Add the picture first, then approve.")
    return _decide(creative, Approval.APPROVED, "", actor)


@transaction.atomic
def reject_creative(*, operator_id: UUID, creative_id: UUID, reason: str, actor: str) -> Creative:
    """Refuse a creative, also one that was approved before; it is shown no more.

    Raises:
        NotFound: the operator has no such creative.
        UnusableCreative: the reason is empty or too long.
    """
    if not 1 <= len(reason.strip()) <= 300:
        raise UnusableCreative("reason: expected 1 to 300 characters.")
    return _decide(_locked(operator_id, creative_id), Approval.REJECTED, reason.strip(), actor)


@transaction.atomic
def set_creative_active(*, operator_id: UUID, creative_id: UUID, active: bool, actor: str) -> Creative:
    """Switch a creative on or off, whatever its approval.

    Raises:
        NotFound: the operator has no such creative.
    """
    creative = _locked(operator_id, creative_id)
    creative.active = active
    creative.save(update_fields=["active"])
    changed(
        operator_id=operator_id, actor=actor, action="creative.switched", target=creative.public_id,
        detail={"active": active},
    )  # fmt: skip
    return creative


def _decide(creative: Creative, approval: Approval, reason: str, actor: str) -> Creative:
    creative.approval, creative.rejection_reason = approval, reason
    creative.save(update_fields=["approval", "rejection_reason"])
    changed(
        operator_id=creative.operator_id, actor=actor, action=f"creative.{approval.value}", target=creative.public_id
    )
    return creative


def _locked(operator_id: UUID, creative_id: UUID) -> Creative:
    found = Creative.objects.select_for_update().filter(operator_id=operator_id, id=creative_id).first()
    if found is None:
        raise NotFound("You have no creative with this id.")
    return found


def _check(title: str, duration_ms: int, minimum_age: int | None, click_url: str | None) -> None:
    if not 1 <= len(title.strip()) <= 160:
        raise UnusableCreative("title: expected 1 to 160 characters.")
    if not SHORTEST_MS <= duration_ms <= LONGEST_MS:
        raise UnusableCreative(f"duration_ms: expected {SHORTEST_MS} to {LONGEST_MS}, got {duration_ms}.")
    if minimum_age is not None and not 1 <= minimum_age <= 99:
        raise UnusableCreative("minimum_age: expected 1 to 99 years, or none.")
    if click_url:
        _check_link(click_url)


def _check_link(click_url: str) -> None:
    try:
        _check_url(click_url)
    except ValidationError as error:
        raise UnusableCreative("click_url: expected a link that begins with http:// or https://.") from error
    if len(click_url) > 500 or urlsplit(click_url).username is not None:
        raise UnusableCreative("click_url: at most 500 characters, without a user name.")
