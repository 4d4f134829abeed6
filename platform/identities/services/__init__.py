"""Enrol, recognise and forget faces; exchange keys and recognisers."""

from identities.services.closing import destroy_keys
from identities.services.enrolment import enrol
from identities.services.erasure import forget
from identities.services.migration import Finished, begin_migration, cancel_migration, finish_migration, sweep
from identities.services.recognition import Frame, LoyaltyToken, Probes, RecognisedViewer, Shown, recognise
from identities.services.rotation import Rotated, rotate, tidy

__all__ = [
    "Finished",
    "Frame",
    "LoyaltyToken",
    "Probes",
    "RecognisedViewer",
    "Rotated",
    "Shown",
    "begin_migration",
    "cancel_migration",
    "destroy_keys",
    "enrol",
    "finish_migration",
    "forget",
    "recognise",
    "rotate",
    "sweep",
    "tidy",
]
