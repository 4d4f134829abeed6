"""How a request proves that the person in the picture is there."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from rest_framework import serializers
from rest_framework.request import Request

from core.problems import Malformed
from faceid.liveness.challenge import MOST_LOOKS
from identities.errors import ChallengeRequired
from identities.services import Answered, Attended, Frame, Proof

LOOKS: Final = "looks"
_LONGEST_MS: Final = 600_000


class ProofBody(serializers.Serializer[Any]):
    """Either ``challenge`` with ``looks`` and ``times_ms``, or ``attended``."""

    challenge = serializers.CharField(required=False, max_length=4096, help_text="From POST /v1/challenges, chl_…")
    looks = serializers.ListField(
        child=serializers.FileField(), required=False, max_length=MOST_LOOKS,
        help_text="Frames taken while the challenge ran: repeat the field; with the picture at most 8 MiB.",
    )  # fmt: skip
    times_ms = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=_LONGEST_MS), required=False, max_length=MOST_LOOKS,
        help_text="When each look was taken, milliseconds since the first step began: repeat the field.",
    )  # fmt: skip
    attended = serializers.BooleanField(
        default=False, help_text="A member of staff is there and vouches; only where the operator enrols so."
    )


def proof_of(request: Request, given: Mapping[str, Any]) -> Proof:
    """Return the proof of a validated body.

    Raises:
        ChallengeRequired: there is none.
        Malformed: looks and times do not belong together.
    """
    if given["attended"]:
        if "challenge" in given:
            raise _wrong("attended", "Either a challenge was answered or a member of staff vouches.")
        return Attended()
    if "challenge" not in given:
        raise ChallengeRequired("Draw a challenge (POST /v1/challenges) and send its answer with the picture.")
    files = [file for file in request.FILES.getlist(LOOKS) if isinstance(file, UploadedFile)]
    times = [milliseconds / 1000.0 for milliseconds in given.get("times_ms", [])]
    if not files or len(files) != len(times):
        raise _wrong("times_ms", f"Send one time for each of the {len(files)} looks; {len(times)} came.")
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise _wrong("times_ms", "Times increase from look to look.")
    return Answered(
        given["challenge"], tuple(Frame(file.read(), file.content_type) for file in files), tuple(times)
    )  # fmt: skip


def _wrong(field: str, detail: str) -> Malformed:
    return Malformed(detail, errors=[{"field": field, "code": "invalid", "detail": detail}])
