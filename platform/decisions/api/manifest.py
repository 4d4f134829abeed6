"""The player's manifest over HTTP."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

import core.epochs
import signage.services
import signage.serving
from accounts.principal import caller
from core.api import json_response
from core.ids import public_id
from core.times import utc
from decisions.api.decisions import player_of
from decisions.api.shapes import ShownMediaSerializer, media_document
from decisions.manifest import FRAME_TYPES, LONGEST_SIDE, Manifest, hour_of, manifest, notice_of, tag
from subjects.services import Notice


class ManifestMediaSerializer(ShownMediaSerializer):
    """A file to fetch, and the creative that shows it."""

    creative = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField()
    duration_ms = serializers.IntegerField()


class ManifestSceneSerializer(serializers.Serializer[Any]):
    """A scene of the venue."""

    key = serializers.CharField()
    name = serializers.CharField()
    policy = serializers.CharField()
    summary = serializers.CharField(help_text="What the policy allows, in one sentence.")
    slots = serializers.IntegerField()
    default = serializers.BooleanField()


class ManifestSerializer(serializers.Serializer[Any]):
    """What a player needs to know beforehand."""

    player = serializers.DictField(help_text="id and kind.")
    screen = serializers.DictField(help_text="id, name, width, height.")
    venue = serializers.DictField(help_text="id, name, category, timezone.")
    scenes = ManifestSceneSerializer(many=True)
    media = ManifestMediaSerializer(many=True)
    notice = serializers.DictField(allow_null=True, help_text="The text shown before anybody consents.")
    capture = serializers.DictField(help_text="Whether and how the camera may be used: after an opt-in only.")
    offline = serializers.DictField(
        help_text="bundle, payload (JSON text: bundle, screen, valid_until, items), signature over payload's bytes,"
        " public_key, algorithm."
    )
    valid_until = serializers.DateTimeField(help_text="How long the offline bundle may be played without asking.")


class ManifestView(APIView):
    """What a player needs to know beforehand."""

    scopes = ("device",)

    @extend_schema(
        operation_id="read_manifest",
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="The ETag at hand.")],
        responses={200: ManifestSerializer, 304: OpenApiResponse(description="The manifest at hand is the newest.")},
    )
    def get(self, request: Request) -> HttpResponse:
        """Return the manifest, or 304 when the player has the newest."""
        principal, at = caller(request), timezone.now()
        operator_id, player_id = principal.operator_id, player_of(principal)
        versions = core.epochs.versions(operator_id=operator_id)
        situation = signage.serving.situation(operator_id, player_id, versions)
        signage.services.touch(operator_id=operator_id, player_id=player_id, at=at)
        notice = notice_of(operator_id)
        headers = {
            "ETag": tag(player_id=player_id, versions=versions, notice=notice, at=at),
            "Cache-Control": "private, no-cache",
        }
        if _at_hand(request, headers["ETag"]):
            return HttpResponse(status=304, headers=headers)
        found = manifest(operator_id=operator_id, situation=situation, versions=versions, notice=notice, at=at)
        return json_response(document(found, hour_of(at)), headers=headers)


def document(found: Manifest, at: datetime) -> dict[str, Any]:
    """Return a manifest as the API shows it; ``at`` dates the links."""
    where = found.situation
    return {
        "player": {"id": public_id("ply", where.player_id), "kind": where.player_kind},
        "screen": {
            "id": where.screen_public_id, "name": where.screen_name, "width": where.width, "height": where.height,
        },
        "venue": {
            "id": where.venue_public_id, "name": where.venue_name, "category": where.venue_category,
            "timezone": where.timezone,
        },
        "scenes": [
            {
                "key": scene.key, "name": scene.name, "policy": scene.policy.key, "summary": scene.policy.summary,
                "slots": scene.slots, "default": scene is where.default_scene,
            }
            for scene in where.scenes.values()
        ],
        "media": [
            {
                "creative": offer.public_id, "title": offer.title, "category": offer.category,
                "duration_ms": offer.duration_ms, **media_document(offer, at),
            }
            for offer in found.offers
        ],
        "notice": _notice(found.notice),
        "capture": {
            "mode": "opt_in", "allowed": found.capture, "longest_side": LONGEST_SIDE,
            "content_types": list(FRAME_TYPES), "max_bytes": settings.FILE_UPLOAD_MAX_MEMORY_SIZE,
            "viewer_token_seconds": settings.VIEWER_TOKEN_LIFETIME.total_seconds(),
        },
        "offline": dict(found.offline),
        "valid_until": utc(found.valid_until),
    }  # fmt: skip


def _notice(notice: Notice | None) -> dict[str, Any] | None:
    if notice is None:
        return None
    return {
        "id": notice.public_id,
        "version": notice.version,
        "language": notice.language,
        "title": notice.title,
        "text": notice.text,
        "purposes": notice.purposes,
        "sha256": notice.sha256,
    }


def _at_hand(request: Request, etag: str) -> bool:
    offered = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    return etag in offered or offered == ["*"]
