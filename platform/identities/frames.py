"""How a camera frame enters: from memory only, and not at all when it is too large."""

from collections.abc import Mapping
from typing import IO, Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from rest_framework.parsers import DataAndFiles, MultiPartParser
from rest_framework.request import Request

from core.problems import Malformed
from faceid.image import MAX_BYTES
from identities.errors import BodyTooLarge
from identities.services import Frame

FIELD = "frame"


class FrameParser(MultiPartParser):
    """Parse ``multipart/form-data`` with a frame, whose size is judged before a byte of it is read."""

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
    """Return the frame of a multipart request.

    Raises:
        Malformed: the part ``frame`` is missing or no file.
    """
    file = request.FILES.get(FIELD)
    if not isinstance(file, UploadedFile):
        raise Malformed(
            f"Send the picture as the file {FIELD!r} of a multipart body.",
            errors=[{"field": FIELD, "code": "required", "detail": "A JPEG, PNG or WebP file."}],
        )
    return Frame(file.read(), file.content_type)
