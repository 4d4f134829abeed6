"""Tell a player who of its viewers wants to be known."""

from typing import Any

import numpy as np
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from numpy.typing import NDArray
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.principal import caller
from core import epochs
from core.api import json_response
from core.encoding import JSONParser
from core.problems import Malformed
from core.times import utc
from faceid.image import MAX_PIXELS
from faceid.pipeline import MOST_EMBEDDED
from identities.errors import EmbeddingsMalformed
from identities.frames import APART_MS, LONGEST_MS, MOST_FRAMES, FrameParser, moment_of
from identities.services import LoyaltyToken, Probes, RecognisedViewer, Shown, recognise
from signage.serving import situation

_UNIT = 1e-2
"""How far the length of an embedding may lie from 1 (players may send rounded numbers)."""


class FrameBody(serializers.Serializer[Any]):
    """A camera frame, or a few of one moment: then somebody is named only when at least three good looks agree."""

    frame = serializers.ListField(
        child=serializers.FileField(), min_length=1, max_length=MOST_FRAMES,
        help_text="JPEG, PNG or WebP: repeat the field for each frame, in order of time. Together at most 8 MiB and"
        f" {MAX_PIXELS:,} pixels; 640 pixels a side suffice.",
    )  # fmt: skip
    at_ms = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=999_999), required=False, max_length=MOST_FRAMES,
        help_text="When each frame was taken, milliseconds since the first or a moment before: repeat the field."
        f" Increasing, by {LONGEST_MS:,} in all at most. Default: {APART_MS} apart.",
    )  # fmt: skip
    infrared = serializers.FileField(
        required=False,
        help_text="Near-infrared frame taken together with the last frame, of the same size, where the camera has such"
        " a sensor: liveness is judged on it, too. Never kept.",
    )  # fmt: skip


class ShownBody(serializers.Serializer[Any]):
    """Either ``token``, or ``contract`` with ``embeddings``."""

    token = serializers.CharField(required=False, help_text="Loyalty token from a QR code.")
    contract = serializers.CharField(required=False, help_text="Embedding contract of the capture policy.")
    embeddings = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()), required=False,
        help_text=f"One to {MOST_EMBEDDED} protected unit vectors.",
    )  # fmt: skip


class ViewerAnswer(serializers.Serializer[Any]):
    """One viewer."""

    viewer = serializers.CharField(help_text="Viewer token: names the viewer to this screen for seconds.")
    state = serializers.CharField(help_text="recognised, anonymous or bystander (seen too poorly to tell)")
    how = serializers.CharField(help_text="face, embedding or loyalty")
    expires_at = serializers.DateTimeField()
    liveness = serializers.CharField(
        help_text="live, suspected (the face may be a picture's, so the viewer is anonymous), unavailable (no models"
        " here), or unjudged (nobody who would be recognised)"
    )
    liveness_score = serializers.FloatField(
        allow_null=True, help_text="Probability of a living person, 0 to 1; null without a verdict."
    )


class RecognitionAnswer(serializers.Serializer[Any]):
    """The viewers, largest face first; of several frames, everybody who is there at the end."""

    viewers = ViewerAnswer(many=True)


class Recognitions(APIView):
    """Recognition at one screen; neither frame nor embedding outlives the request."""

    scopes = ("device",)
    parser_classes = (FrameParser, JSONParser)

    @extend_schema(
        operation_id="recognise",
        request={"multipart/form-data": FrameBody, "application/json": ShownBody},
        responses=RecognitionAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        """Recognise who consented to it at this venue; everybody else is anonymous and leaves no trace."""
        principal = caller(request)
        versions = epochs.versions(operator_id=principal.operator_id)
        place = situation(principal.operator_id, _player(principal.device_id), versions)
        viewers = recognise(
            operator_id=principal.operator_id, screen_id=place.screen_id, venue_id=place.venue_id,
            shown=_shown(request), at=timezone.now(), versions=versions,
        )  # fmt: skip
        return json_response({"viewers": [_viewer(viewer) for viewer in viewers]})


def _viewer(viewer: RecognisedViewer) -> dict[str, Any]:
    return {
        "viewer": viewer.token, "state": viewer.state, "how": viewer.how, "expires_at": utc(viewer.expires_at),
        "liveness": viewer.judged.liveness, "liveness_score": viewer.judged.score,
    }  # fmt: skip


def _player(device_id: Any) -> Any:
    if device_id is None:
        raise Malformed("Only a paired player recognises, since viewers stand at a screen.")
    return device_id


def _shown(request: Request) -> Shown:
    body: Any = request.data
    if request.content_type.startswith("multipart/"):
        return moment_of(request)
    if isinstance(body.get("token"), str) and len(body) == 1:
        return LoyaltyToken(body["token"])
    if set(body) != {"contract", "embeddings"} or not isinstance(body["contract"], str):
        raise Malformed("Send a frame as multipart, or JSON with either token or contract and embeddings.")
    return Probes(body["contract"], _vectors(body["embeddings"]))


def _vectors(rows: Any) -> NDArray[np.float32]:
    """Return embeddings as unit vectors, shape (n, dimension).

    Raises:
        Malformed: no list of one to eight unit vectors of one dimension.
    """
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_EMBEDDED:
        raise _wrong(f"expected a list of 1 to {MOST_EMBEDDED} embeddings.")
    for row in rows:
        if not isinstance(row, list) or not row or not all(type(number) in (int, float) for number in row):
            raise _wrong("each embedding is a list of numbers.")
    if len({len(row) for row in rows}) != 1:
        raise _wrong("all embeddings have as many numbers.")
    try:
        vectors = np.array(rows, dtype=np.float64)
    except OverflowError:
        raise _wrong("the numbers are out of range.") from None
    in_range = bool((np.abs(vectors) <= 1.0 + _UNIT).all())
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True) if in_range else np.zeros(1)
    if (np.abs(lengths - 1.0) > _UNIT).any():
        raise _wrong("each embedding is a unit vector.")
    unit: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
    return unit


def _wrong(detail: str) -> EmbeddingsMalformed:
    return EmbeddingsMalformed(detail)
