"""What the API takes and shows of venues, screens, scenes and players."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework import serializers

from core.ids import public_id
from core.times import utc
from signage.codes import spell
from signage.models import PlayerKind, Scene, Screen, Venue
from signage.policies import POLICIES
from signage.services import Collected, StartedPairing


class NewVenueSerializer(serializers.Serializer[Any]):
    """A venue to add."""

    name = serializers.CharField(max_length=120)
    category = serializers.CharField(max_length=80, help_text="OpenOOH venue category, for instance retail.grocery.")
    timezone = serializers.CharField(max_length=64, help_text="IANA name, for instance Europe/Berlin.")


class VenueSerializer(NewVenueSerializer):
    """A place with screens."""

    id = serializers.CharField()
    created_at = serializers.DateTimeField()


class NewScreenSerializer(serializers.Serializer[Any]):
    """A screen to add."""

    venue = serializers.CharField(help_text="The venue's id.")
    name = serializers.CharField(max_length=120)
    width = serializers.IntegerField(default=1920, min_value=16, max_value=32768, help_text="Pixels.")
    height = serializers.IntegerField(default=1080, min_value=16, max_value=32768, help_text="Pixels.")
    default_scene = serializers.CharField(
        required=False, allow_null=True, default=None, help_text="Scene shown when the player names none."
    )


class ScreenSerializer(NewScreenSerializer):
    """One display."""

    id = serializers.CharField()
    created_at = serializers.DateTimeField()


class NewSceneSerializer(serializers.Serializer[Any]):
    """A scene to add."""

    venue = serializers.CharField(help_text="The venue's id.")
    key = serializers.SlugField(max_length=60, help_text="Names the scene in decisions; once per venue.")
    name = serializers.CharField(max_length=120)
    policy = serializers.CharField(
        required=False, help_text=f"One of {', '.join(POLICIES)}; by default the one of the venue's vertical."
    )
    slots = serializers.IntegerField(default=3, min_value=1, max_value=10, help_text="Creatives in a slate.")
    criteria = serializers.DictField(
        default=dict, help_text="Stated facts; assured_age is the age the venue vouches for."
    )


class SceneSerializer(NewSceneSerializer):
    """A named situation at the screens of a venue."""

    id = serializers.CharField()
    active = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class NewPairingSerializer(serializers.Serializer[Any]):
    """A device that wants to be paired."""

    kind = serializers.ChoiceField(choices=PlayerKind.choices, default=PlayerKind.SIGNAGE)


class StartedPairingSerializer(serializers.Serializer[Any]):
    """What the device shows and keeps."""

    pairing = serializers.CharField(help_text="The pairing's id.")
    code = serializers.CharField(help_text="To be shown, for instance ABCD-2345.")
    secret = serializers.CharField(help_text="Send it as bearer token when asking where the pairing stands.")
    expires_at = serializers.DateTimeField()


class PairingSerializer(serializers.Serializer[Any]):
    """Where a pairing stands."""

    pairing = serializers.CharField(help_text="The pairing's id.")
    claimed = serializers.BooleanField()
    expires_at = serializers.DateTimeField()
    token = serializers.CharField(allow_null=True, help_text="The device token; told once, keep it.")
    player = serializers.CharField(allow_null=True)
    screen = serializers.CharField(allow_null=True)


class ClaimSerializer(serializers.Serializer[Any]):
    """A code somebody read off a screen."""

    code = serializers.CharField(max_length=20, help_text="Case, dashes and spaces do not matter.")
    screen = serializers.CharField(help_text="The screen the device shall drive.")
    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)


class PlayerSerializer(serializers.Serializer[Any]):
    """A device that drives a screen."""

    id = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=PlayerKind.choices)
    screen = serializers.CharField()


def venue_document(venue: Venue) -> dict[str, Any]:
    """Return a venue as the API shows it."""
    return {
        "id": venue.public_id,
        "name": venue.name,
        "category": venue.category,
        "timezone": venue.timezone,
        "created_at": utc(venue.created_at),
    }


def screen_document(screen: Screen) -> dict[str, Any]:
    """Return a screen as the API shows it."""
    return {
        "id": screen.public_id,
        "venue": public_id(Venue.PREFIX, screen.venue_id),
        "name": screen.name,
        "width": screen.width,
        "height": screen.height,
        "default_scene": _optional(Scene.PREFIX, screen.default_scene_id),
        "created_at": utc(screen.created_at),
    }


def scene_document(scene: Scene) -> dict[str, Any]:
    """Return a scene as the API shows it."""
    return {
        "id": scene.public_id,
        "venue": public_id(Venue.PREFIX, scene.venue_id),
        "key": scene.key,
        "name": scene.name,
        "policy": scene.policy,
        "slots": scene.slots,
        "criteria": scene.criteria,
        "active": scene.active,
        "created_at": utc(scene.created_at),
    }


def started_document(pairing: StartedPairing) -> dict[str, Any]:
    """Return a fresh pairing as the API shows it to the device."""
    return {
        "pairing": pairing.public_id,
        "code": spell(pairing.code),
        "secret": pairing.secret,
        "expires_at": utc(pairing.expires_at),
    }


def pairing_document(pairing: Collected) -> dict[str, Any]:
    """Return where a pairing stands as the API shows it to the device."""
    return {
        "pairing": pairing.public_id,
        "claimed": pairing.token is not None,
        "expires_at": utc(pairing.expires_at),
        "token": pairing.token,
        "player": pairing.player_public_id,
        "screen": pairing.screen_public_id,
    }


def checked(serializer: type[serializers.Serializer[Any]], data: Any) -> Mapping[str, Any]:
    """Return the validated body.

    Raises:
        ValidationError: it has the wrong shape.
    """
    parsed = serializer(data=data)
    parsed.is_valid(raise_exception=True)
    return dict(parsed.validated_data)


def _optional(prefix: str, value: UUID | None) -> str | None:
    return public_id(prefix, value) if value else None
