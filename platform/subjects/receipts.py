"""What a subject takes away, in a form a phone can read."""

from typing import Any

import segno
from django.conf import settings

from subjects.services import Registration


def url_of(receipt_token: str) -> str:
    """Return the address of the page where the holder sees and withdraws their consents."""
    return f"{settings.BASE_URL.rstrip('/')}/receipt/{receipt_token}"


def qr_of(text: str) -> str:
    """Return a QR code (ISO/IEC 18004) of ``text`` as an SVG data address, 15 % of it redundant."""
    code: str = segno.make(text, error="m", micro=False).svg_data_uri(scale=4, border=4)
    return code


def takeaway(registration: Registration) -> dict[str, Any]:
    """Return what a registration answers: who one is now, the receipt and the loyalty token, each with its QR code."""
    url, loyalty = url_of(registration.receipt_token), registration.loyalty_token
    return {
        "subject": registration.subject.public_id,
        "pseudonym": registration.subject.pseudonym,
        "receipt_url": url,
        "receipt_qr": qr_of(url),
        "loyalty_token": loyalty,
        "loyalty_qr": qr_of(loyalty) if loyalty else None,
    }
