"""Read advertisers, campaigns, creatives, media and spend."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Count, Model, QuerySet

from catalog.errors import UnknownMedia
from catalog.models import Advertiser, Campaign, Creative, Media
from core.problems import NotFound
from core.questions import Question, Row, ask
from core.statements import Statement

M = TypeVar("M", bound=Model)

_SPENT = Statement(
    "catalog_spent",
    ("date", "uuid"),
    "SELECT campaign_id, sum(micros)::bigint AS total,"
    " coalesce(sum(micros) FILTER (WHERE day = $1), 0)::bigint AS today"
    " FROM catalog_spend WHERE operator_id = $2 GROUP BY campaign_id",
)
_SPENT_BY_RUNNING = Statement(
    "catalog_spent_by_running",
    ("date", "uuid", "timestamptz"),
    "SELECT spend.campaign_id, sum(spend.micros)::bigint AS total,"
    " coalesce(sum(spend.micros) FILTER (WHERE spend.day = $1), 0)::bigint AS today"
    " FROM catalog_campaign campaign JOIN catalog_spend spend ON spend.campaign_id = campaign.id"
    " WHERE campaign.operator_id = $2 AND campaign.state = 'active' AND campaign.ends_at > $3"
    " GROUP BY spend.campaign_id",
)


class Spending(NamedTuple):
    """What a campaign has spent, in micros of its currency; ``today`` is the UTC day."""

    total: int
    today: int


@dataclass(frozen=True, slots=True)
class CampaignSummary:
    """A campaign as the console shows it."""

    campaign: Campaign
    creatives: int
    spending: Spending


def advertisers(*, operator_id: UUID) -> QuerySet[Advertiser]:
    """Return an operator's advertisers."""
    return Advertiser.objects.filter(operator_id=operator_id)


def campaigns(*, operator_id: UUID) -> QuerySet[Campaign]:
    """Return an operator's campaigns with their advertisers."""
    return Campaign.objects.filter(operator_id=operator_id).select_related("advertiser")


def creatives(*, operator_id: UUID) -> QuerySet[Creative]:
    """Return an operator's creatives with campaign, advertiser and media."""
    return Creative.objects.filter(operator_id=operator_id).select_related("campaign__advertiser", "media")


def media(*, operator_id: UUID) -> QuerySet[Media]:
    """Return an operator's media."""
    return Media.objects.filter(operator_id=operator_id)


def spent(*, operator_id: UUID, at: datetime) -> dict[UUID, Spending]:
    """Return what each campaign that ever spent has spent, altogether and on the UTC day of ``at`` (one query)."""
    [found] = ask(Question(_SPENT, [at.astimezone(UTC).date(), operator_id], _spending))
    return found


def of_spending(*, operator_id: UUID, at: datetime) -> Question[dict[UUID, Spending]]:
    """Return the question what those campaigns have spent that may still play, to be asked along with others.

    Its cost does not grow with the campaigns that have ended.
    """
    return Question(_SPENT_BY_RUNNING, [at.astimezone(UTC).date(), operator_id, at], _spending)


def campaign_summaries(*, operator_id: UUID, at: datetime) -> list[CampaignSummary]:
    """Return every campaign with its spend and number of creatives, newest first (two queries)."""
    spending = spent(operator_id=operator_id, at=at)
    counted = campaigns(operator_id=operator_id).annotate(creative_count=Count("creatives")).order_by("-id")
    return [
        CampaignSummary(campaign, campaign.creative_count, spending.get(campaign.id, Spending(0, 0)))
        for campaign in counted
    ]


def get_advertiser(*, operator_id: UUID, advertiser_id: UUID) -> Advertiser:
    """Return an advertiser.

    Raises:
        NotFound: the operator has none with this id.
    """
    return _one(advertisers(operator_id=operator_id), advertiser_id, "advertiser")


def get_campaign(*, operator_id: UUID, campaign_id: UUID) -> Campaign:
    """Return a campaign with its advertiser.

    Raises:
        NotFound: the operator has none with this id.
    """
    return _one(campaigns(operator_id=operator_id), campaign_id, "campaign")


def get_creative(*, operator_id: UUID, creative_id: UUID) -> Creative:
    """Return a creative with campaign, advertiser and media.

    Raises:
        NotFound: the operator has none with this id.
    """
    return _one(creatives(operator_id=operator_id), creative_id, "creative")


def get_media(*, operator_id: UUID, media_id: UUID) -> Media:
    """Return a media row by its id.

    Raises:
        NotFound: the operator has none with this id.
    """
    return _one(media(operator_id=operator_id), media_id, "media")


def media_of_digest(*, operator_id: UUID, sha256: str) -> Media:
    """Return a media row by the digest of its bytes.

    Raises:
        UnknownMedia: the operator has none with this digest.
    """
    found = media(operator_id=operator_id).filter(sha256=sha256).first()
    if found is None:
        raise UnknownMedia("You have no media with this digest.")
    return found


def _one(rows: QuerySet[M], row_id: UUID, noun: str) -> M:
    found = rows.filter(pk=row_id).first()
    if found is None:
        raise NotFound(f"You have no {noun} with this id.")
    return found


def _spending(rows: Sequence[Row]) -> dict[UUID, Spending]:
    return {UUID(campaign_id): Spending(total, today) for campaign_id, total, today in rows}
