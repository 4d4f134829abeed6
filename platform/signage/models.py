"""Where content is shown: venues, their screens and scenes, and the players that drive the screens."""

from uuid import UUID

from django.db import models
from django.db.models import Q

from core.models import OperatorRecord, Record
from signage.policies import POLICIES


class PlayerKind(models.TextChoices):
    """What a device is for."""

    SIGNAGE = "signage"
    KIOSK = "kiosk"


class Venue(OperatorRecord):
    """A place with screens; the category is one of the OpenOOH venue taxonomy."""

    PREFIX = "ven"

    name = models.CharField(max_length=120)
    category = models.CharField(max_length=80)
    timezone = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "operator"], name="venue_of_operator"),
            models.CheckConstraint(
                condition=Q(category__regex=r"^[a-z_]+(\.[a-z_]+)*$"), name="venue_category_is_slug"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="venue_is_named"),
        ]

    def __str__(self) -> str:
        return self.name


class Scene(OperatorRecord):
    """A named situation at the screens of a venue: how many slots it has and what its policy allows."""

    PREFIX = "scn"

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="scenes")
    venue_id: UUID
    key = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    policy = models.CharField(max_length=20)
    slots = models.PositiveSmallIntegerField(default=3)
    criteria = models.JSONField(default=dict)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "key"], name="scene_once_per_venue"),
            models.UniqueConstraint(fields=["id", "venue"], name="scene_of_venue"),
            models.CheckConstraint(condition=Q(policy__in=sorted(POLICIES)), name="scene_policy_known"),
            models.CheckConstraint(condition=Q(slots__gte=1, slots__lte=10), name="scene_slots_in_range"),
        ]

    def __str__(self) -> str:
        return self.name


class Screen(OperatorRecord):
    """One display."""

    PREFIX = "scr"

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="screens")
    venue_id: UUID
    name = models.CharField(max_length=120)
    width = models.PositiveIntegerField(default=1920)
    height = models.PositiveIntegerField(default=1080)
    default_scene = models.ForeignKey(Scene, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    default_scene_id: UUID | None

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "operator"], name="screen_of_operator"),
            models.CheckConstraint(
                condition=Q(width__gte=16, width__lte=32768, height__gte=16, height__lte=32768),
                name="screen_size_in_range",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="screen_is_named"),
        ]

    def __str__(self) -> str:
        return self.name


class Player(OperatorRecord):
    """A device or program that drives a screen; a mirrored wall or a kiosk beside it makes several per screen."""

    PREFIX = "ply"

    screen = models.ForeignKey(Screen, on_delete=models.PROTECT, related_name="players")
    screen_id: UUID
    kind = models.CharField(max_length=10, choices=PlayerKind.choices)
    name = models.CharField(max_length=120)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    now_playing = models.JSONField(null=True, blank=True)
    unpaired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "operator"], name="player_of_operator"),
            models.CheckConstraint(condition=Q(kind__in=PlayerKind.values), name="player_kind_known"),
        ]

    def __str__(self) -> str:
        return self.name


class Pairing(Record):
    """A code on a screen that waits for a member; it belongs to nobody until it is claimed.

    Row-level security hides unclaimed pairings from every operator, so they are only found in the platform's scope.
    """

    PREFIX = "pair"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    operator_id: UUID | None
    kind = models.CharField(max_length=10, choices=PlayerKind.choices)
    code = models.CharField(max_length=8)
    secret_digest = models.BinaryField()
    remote_digest = models.BinaryField(db_index=True)
    expires_at = models.DateTimeField(db_index=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    collected_at = models.DateTimeField(null=True, blank=True)
    player = models.ForeignKey(Player, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    player_id: UUID | None

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code"], condition=Q(claimed_at=None), name="pairing_code_once_while_open"),
            models.CheckConstraint(condition=Q(kind__in=PlayerKind.values), name="pairing_kind_known"),
            models.CheckConstraint(
                condition=Q(claimed_at=None, operator=None, player=None, collected_at=None)
                | Q(claimed_at__isnull=False, operator__isnull=False, player__isnull=False),
                name="pairing_claimed_by_operator",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id
