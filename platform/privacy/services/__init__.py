"""Answer what people ask for under their rights."""

from privacy.services.erasure import erase, verify_certificate
from privacy.services.export import export
from privacy.services.requests import ask, carry_out
from privacy.services.retention import repeat_erasures, sweep

__all__ = ["ask", "carry_out", "erase", "export", "repeat_erasures", "sweep", "verify_certificate"]
