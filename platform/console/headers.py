"""Security headers of the pages; the API's answers (``/v1/``) are data and have none of this."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",  # no inline script and no eval anywhere: charts read JSON blocks, htmx runs without eval
        "style-src 'self'",  # htmx's own inline style is switched off, charts draw on a canvas
        "font-src 'self'",
        "img-src 'self' data: blob:",  # data: QR codes and Tabler's icons; blob: the player's cached pictures
        "media-src 'self' blob:",  # the camera's preview
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
CAMERA_PAGES = ("/player/", "/kiosk/")
NO_SENSORS = "geolocation=(), microphone=(), payment=(), usb=()"


class PageHeaders:
    """Say what a page may load, what it may use and whom it tells where the reader comes from."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        response = self.get_response(request)
        if request.path.startswith("/v1/"):
            return response
        camera = "camera=(self)" if request.path in CAMERA_PAGES else "camera=()"
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", f"{camera}, {NO_SENSORS}")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response
