"""What can be shown and who pays for it: advertisers, campaigns, creatives, their media and what was spent."""

from uuid import UUID

from django.db import models
from django.db.models import F, Q

from core.models import OperatorRecord


class CampaignState(models.TextChoices):
    """Where a campaign stands; only an active one plays, and only within its flight."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class Audience(models.TextChoices):
    """Whom a creative may be shown to: anybody, or only somebody who is alone or among recognised people."""

    PUBLIC = "public"
    PERSONAL = "personal"


class Approval(models.TextChoices):
    """What a person decided about a creative."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class Advertiser(OperatorRecord):
    """Who pays."""

    PREFIX = "adv"

    name = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "operator"], name="advertiser_of_operator"),
            models.UniqueConstraint(fields=["operator", "name"], name="advertiser_once_per_name"),
            models.CheckConstraint(condition=~Q(name=""), name="advertiser_is_named"),
        ]

    def __str__(self) -> str:
        return self.name


class Campaign(OperatorRecord):
    """A flight with a budget; money is in millionths of the currency's unit."""

    PREFIX = "cmp"

    advertiser = models.ForeignKey(Advertiser, on_delete=models.PROTECT, related_name="campaigns")
    advertiser_id: UUID
    name = models.CharField(max_length=120)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=CampaignState.choices, default=CampaignState.DRAFT)
    priority = models.PositiveSmallIntegerField(default=5)
    currency = models.CharField(max_length=3)
    budget_micros = models.BigIntegerField()
    daily_budget_micros = models.BigIntegerField(null=True, blank=True)
    price_micros = models.BigIntegerField()
    cap_per_subject_per_day = models.PositiveSmallIntegerField(null=True, blank=True)
    targeting = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "operator"], name="campaign_of_operator"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="campaign_flight_has_length"),
            models.CheckConstraint(condition=Q(state__in=CampaignState.values), name="campaign_state_known"),
            models.CheckConstraint(condition=Q(priority__gte=1, priority__lte=10), name="campaign_priority_in_range"),
            models.CheckConstraint(
                condition=Q(budget_micros__gt=0, price_micros__gte=0)
                & (Q(daily_budget_micros=None) | Q(daily_budget_micros__gt=0)),
                name="campaign_money_positive",
            ),
            models.CheckConstraint(
                condition=Q(cap_per_subject_per_day=None) | Q(cap_per_subject_per_day__gte=1),
                name="campaign_cap_positive",
            ),
            models.CheckConstraint(condition=Q(currency__regex="^[A-Z]{3}$"), name="campaign_currency_is_code"),
        ]

    def __str__(self) -> str:
        return self.name


class Media(OperatorRecord):
    """One picture, stored under the digest of its bytes.

    Attributes:
        vision: what described the picture for rankers, see ``catalog.looks``; empty while nobody has.
        look: float32, little-endian: the picture's vector; empty for a picture that cannot be decoded.
    """

    PREFIX = "med"

    sha256 = models.CharField(max_length=64)
    bytes = models.PositiveIntegerField()
    content_type = models.CharField(max_length=20)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    vision = models.CharField(max_length=64, blank=True, default="")
    look = models.BinaryField(max_length=16_384, null=True, editable=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(vision="", look=None) | (~Q(vision="") & Q(look__isnull=False)),
                name="media_look_has_vision",
            ),
            models.UniqueConstraint(fields=["id", "operator"], name="media_of_operator"),
            models.UniqueConstraint(fields=["operator", "sha256"], name="media_once_per_digest"),
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="media_digest_is_hexadecimal"),
            models.CheckConstraint(
                condition=Q(content_type__in=["image/png", "image/jpeg", "image/webp"]), name="media_type_known"
            ),
            models.CheckConstraint(condition=Q(width__gte=1, height__gte=1, bytes__gte=1), name="media_has_size"),
        ]

    def __str__(self) -> str:
        return self.sha256


class Creative(OperatorRecord):
    """One piece of media with what must be known to show it; without a campaign it is content.

    Attributes:
        media_since: when this media was attached in the place of another one, or of none; None where it came first.
    """

    PREFIX = "crv"

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="creatives")
    campaign_id: UUID | None
    title = models.CharField(max_length=160)
    category = models.CharField(max_length=60)
    media = models.ForeignKey(Media, on_delete=models.PROTECT, null=True, blank=True, related_name="creatives")
    media_id: UUID | None
    media_since = models.DateTimeField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField()
    audience = models.CharField(max_length=10, choices=Audience.choices, default=Audience.PUBLIC)
    minimum_age = models.PositiveSmallIntegerField(null=True, blank=True)
    approval = models.CharField(max_length=10, choices=Approval.choices, default=Approval.PENDING)
    rejection_reason = models.CharField(max_length=300, blank=True)
    active = models.BooleanField(default=True)
    click_url = models.URLField(max_length=500, null=True, blank=True)  # noqa: DJ001 - absent is not empty

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(title=""), name="creative_is_titled"),
            models.CheckConstraint(
                condition=Q(category__regex=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$"), name="creative_category_is_slug"
            ),
            models.CheckConstraint(
                condition=Q(duration_ms__gte=1_000, duration_ms__lte=600_000), name="creative_duration_in_range"
            ),
            models.CheckConstraint(condition=Q(audience__in=Audience.values), name="creative_audience_known"),
            models.CheckConstraint(condition=Q(approval__in=Approval.values), name="creative_approval_known"),
            models.CheckConstraint(
                condition=~Q(approval=Approval.APPROVED) | Q(media__isnull=False), name="creative_approved_with_media"
            ),
            models.CheckConstraint(
                condition=Q(media_since=None) | Q(media__isnull=False), name="creative_since_has_media"
            ),
            models.CheckConstraint(
                condition=Q(minimum_age=None) | Q(minimum_age__gte=1, minimum_age__lte=99), name="creative_age_in_range"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Spend(OperatorRecord):
    """What a campaign's plays of one UTC day cost."""

    PREFIX = "spd"

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="spends")
    campaign_id: UUID
    day = models.DateField()
    plays = models.PositiveIntegerField()
    micros = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "day"], name="spend_once_per_day"),
            models.CheckConstraint(condition=Q(micros__gte=0), name="spend_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.day} {self.micros}"
