"""Media over HTTP: stored with a key, fetched with a token or a signed link."""

from collections.abc import Iterable

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import Allows
from accounts.principal import caller
from catalog import selectors, services
from catalog.api.documents import media_document
from catalog.api.doors import TakesPictures, picture_of
from catalog.api.shapes import MediaSerializer, NewMediaSerializer
from catalog.errors import UnknownMedia
from catalog.links import check_link
from catalog.pictures import sniff
from catalog.storage import media_path
from core.idempotency import idempotent
from core.pagination import PARAMETERS, listed, page_of


class MediaList(TakesPictures):
    """The operator's pictures."""

    @extend_schema(operation_id="list_media", parameters=PARAMETERS, responses=page_of(MediaSerializer))
    def get(self, request: Request) -> Response:
        """List pictures, newest first."""
        at = timezone.now()
        rows = selectors.media(operator_id=caller(request).operator_id)
        return listed(request, rows, lambda media: media_document(media, at))

    @extend_schema(
        operation_id="store_media",
        request={"multipart/form-data": NewMediaSerializer},
        responses={201: MediaSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Store a picture; the same bytes again give the same id."""
        (data, content_type), who = picture_of(request), caller(request)
        media = services.store_media(operator_id=who.operator_id, data=data, content_type=content_type, actor=who.actor)
        return Response(media_document(media, timezone.now()), status=201)


class SignedOrAllowed(Allows):
    """Pass whoever brings a signed link, and else demand one of the view's scopes."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether the caller may fetch this file.

        Raises:
            MediaLinkRefused: the link is signed wrongly or has expired.
            Unauthenticated: there is neither a link nor a credential.
            Forbidden: the credential lacks the scope, or it is another operator's file.
        """
        if not is_link(request):
            return super().has_permission(request, view)
        query = request.query_params
        check_link(str(view.kwargs["sha256"]), query.get("expires", ""), query.get("signature", ""), timezone.now())
        return True


class AnyType(BaseContentNegotiation):
    """Answer with the file whatever ``Accept`` says: an <img> asks for pictures only."""

    def select_parser(self, request: Request, parsers: object) -> None:
        """Expect no body."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer of problems; files are not rendered."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""


class MediaFile(APIView):
    """One picture's bytes."""

    scopes = ("device", "read", "write")
    permission_classes = (SignedOrAllowed,)
    content_negotiation_class = AnyType

    @extend_schema(
        operation_id="read_media",
        parameters=[
            OpenApiParameter("expires", int, description="Of a signed link, seconds since 1970."),
            OpenApiParameter("signature", str, description="Of a signed link; no credential is needed with it."),
        ],
        responses={(200, "image/*"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, sha256: str) -> HttpResponseBase:
        """Fetch a picture; what a digest names never changes, so it may be kept for ever."""
        if not is_link(request):
            selectors.media_of_digest(operator_id=caller(request).operator_id, sha256=sha256)
        etag = f'"{sha256}"'
        answer = get_conditional_response(request._request, etag=etag) or _file(sha256)
        answer["ETag"] = etag
        answer["Cache-Control"] = "private, max-age=31536000, immutable"
        return answer


def is_link(request: Request) -> bool:
    """Return whether the request claims to be a signed link."""
    return "signature" in request.query_params or "expires" in request.query_params


def _file(sha256: str) -> HttpResponse | FileResponse:
    try:
        file = media_path(sha256).open("rb")
    except FileNotFoundError as error:
        raise UnknownMedia("The file of this media is missing.") from error
    head = file.read(12)
    file.seek(0)
    return FileResponse(file, content_type=sniff(head) or "application/octet-stream")
