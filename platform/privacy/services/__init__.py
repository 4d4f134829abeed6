"""Answer what people ask for under their rights."""

from privacy.services.budget import give_back, grant, spend
from privacy.services.erasure import erase, verify_certificate
from privacy.services.export import export
from privacy.services.private_run import request_private_run, return_unused
from privacy.services.requests import ask, carry_out
from privacy.services.retention import repeat_erasures, sweep

__all__ = [
    "ask",
    "carry_out",
    "erase",
    "export",
    "give_back",
    "grant",
    "repeat_erasures",
    "request_private_run",
    "return_unused",
    "spend",
    "sweep",
    "verify_certificate",
]
