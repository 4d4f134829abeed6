"""What the catalogue's views share: who may read and write, and pictures in a form."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.roles import Scope
from catalog.uploads import PictureUploadHandler
from core.encoding import JSONParser
from core.problems import Malformed


class ReadOrWrite(APIView):
    """A view that is read with ``read`` or ``write`` and written with ``write`` alone."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of which a caller needs one."""
        return (Scope.WRITE,) if self.request.method == "POST" else (Scope.READ, Scope.WRITE)


class TakesPictures(ReadOrWrite):
    """A view whose POST may be a form with a picture."""

    parser_classes = (JSONParser, MultiPartParser)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Let pictures be larger than other uploads; they stay in memory."""
        request.upload_handlers = [PictureUploadHandler(request)]
        return super().initialize_request(request, *args, **kwargs)


def picture_of(request: Request) -> tuple[bytes, str]:
    """Return the bytes and the content type of the form's ``file``.

    Raises:
        Malformed: the form has none, or more than one file.
    """
    files = request.FILES.getlist("file")
    if len(request.FILES) != 1 or len(files) != 1 or not isinstance(files[0], UploadedFile):
        raise Malformed("Send a form with one file, called file.", errors=[{"field": "file", "code": "required"}])
    return files[0].read(), files[0].content_type or ""
