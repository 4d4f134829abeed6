"""Uploads of pictures: held in memory up to the size a picture may have, refused beyond it before they are read."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler

from catalog.pictures import LARGEST_BYTES

_FORM = 64 * 2**10
"""What the other fields of a form may add."""


class PictureUploadHandler(MemoryFileUploadHandler):
    """Hold one picture in memory; the limit of ordinary uploads is lower."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803 - Django's own name
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        """Refuse a body that is too long.

        Raises:
            RequestDataTooBig: it has more bytes than a picture may have.
        """
        if content_length > LARGEST_BYTES + _FORM:
            raise RequestDataTooBig(f"A picture may have {LARGEST_BYTES} bytes.")
        self.activated = True
