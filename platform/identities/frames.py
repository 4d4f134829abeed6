"""How a camera frame enters: from memory only, and not at all when it is too large."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import IO, Any, Final

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from rest_framework.parsers import DataAndFiles, MultiPartParser
from rest_framework.request import Request

from core.problems import Malformed
from faceid.image import MAX_BYTES
from identities.errors import BodyTooLarge
from identities.services import Frame, Moment

FIELD = "frame"

INFRARED: Final = "infrared"

TIMES: Final = "at_ms"

MOST_FRAMES: Final = 5
"""Frames of one moment at most: what they add to each other shrinks, what they cost does not."""

APART_MS: Final = 200
"""Milliseconds between two frames of a moment, unless the player says when it took them."""

LONGEST_MS: Final = 5_000
"""How long a moment may last."""


class FrameParser(MultiPartParser):
    """Parse ``multipart/form-data`` with frames, whose size is judged before a byte of it is read."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> "DataAndFiles[Any, Any]":
        """Return fields and files, the files in memory.

        Raises:
            BodyTooLarge: more than 8 MiB.
            Malformed: no well-formed multipart body.
        """
        assert parser_context is not None
        length = int(parser_context["request"].META.get("CONTENT_LENGTH") or 0)
        if length > MAX_BYTES:
            raise BodyTooLarge(f"The body has {length:,} bytes; a frame may have {MAX_BYTES:,}. Send a smaller one.")
        try:
            return super().parse(stream, media_type, parser_context)
        except RequestDataTooBig:
            raise
        except SuspiciousOperation as error:
            raise Malformed(f"The multipart body cannot be read: {error}.") from error


def frame_of(request: Request) -> Frame:
    """Return the frame of a multipart request, with its near-infrared frame if one was sent.

    Raises:
        Malformed: the part ``frame`` is missing or no file, or ``infrared`` is not one file.
    """
    file = request.FILES.get(FIELD)
    if not isinstance(file, UploadedFile):
        raise _missing()
    return Frame(file.read(), file.content_type, infrared_of(request))


def infrared_of(request: Request) -> Frame | None:
    """Return the near-infrared frame of a multipart request; None where there is none.

    Raises:
        Malformed: the part ``infrared`` is no file, or there are several.
    """
    given = request.data.getlist(INFRARED)  # type: ignore[union-attr]  # a QueryDict, as FrameParser makes it
    if not given:
        return None
    if len(given) > 1 or not isinstance(given[0], UploadedFile):
        raise _wrong(INFRARED, "Send one file, taken together with the last frame, or none.")
    return Frame(given[0].read(), given[0].content_type)


def moment_of(request: Request) -> Frame | Moment:
    """Return what a multipart request shows: one frame, or up to five of one moment in order of time.

    A near-infrared frame belongs to the last of them.

    Raises:
        Malformed: no frame or too many, something else than files, or times that do not belong to them.
    """
    files = request.data.getlist(FIELD)  # type: ignore[union-attr]  # a QueryDict, as FrameParser makes it
    if len(files) > MOST_FRAMES:
        raise _wrong(FIELD, f"Send 1 to {MOST_FRAMES} frames; {len(files)} came.")
    if not files or not all(isinstance(file, UploadedFile) for file in files):
        raise _missing()
    times = _times(request.data.getlist(TIMES), len(files))  # type: ignore[union-attr]
    frames = tuple(Frame(file.read(), file.content_type) for file in files)
    frames = (*frames[:-1], replace(frames[-1], infrared=infrared_of(request)))
    return frames[0] if len(frames) == 1 else Moment(frames, times)


def _times(given: Sequence[Any], frames: int) -> tuple[float, ...]:
    """Return when each frame was taken, seconds since the first."""
    if not given:
        return tuple(number * APART_MS / 1000 for number in range(frames))
    if not all(isinstance(one, str) and one.isascii() and one.isdigit() and len(one) <= 6 for one in given):
        raise _wrong(TIMES, "Times are whole milliseconds.")
    times = [int(one) for one in given]
    if len(times) != frames:
        raise _wrong(TIMES, f"Send one time for each of the {frames} frames, or none; {len(times)} came.")
    if any(later <= earlier for earlier, later in pairwise(times)) or times[-1] - times[0] > LONGEST_MS:
        raise _wrong(TIMES, f"Times increase from frame to frame, by {LONGEST_MS:,} ms in all at most.")
    return tuple((one - times[0]) / 1000 for one in times)


def _wrong(field: str, detail: str) -> Malformed:
    return Malformed(detail, errors=[{"field": field, "code": "invalid", "detail": detail}])


def _missing() -> Malformed:
    return Malformed(
        f"Send the picture as the file {FIELD!r} of a multipart body.",
        errors=[{"field": FIELD, "code": "required", "detail": "A JPEG, PNG or WebP file."}],
    )
