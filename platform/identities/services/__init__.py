"""Enrol, recognise and forget faces; exchange keys and recognisers."""

from identities.pictures import Frame, Moment
from identities.services.closing import destroy_keys
from identities.services.enrolment import enrol
from identities.services.erasure import forget
from identities.services.migration import Finished, begin_migration, cancel_migration, finish_migration, sweep
from identities.services.minors import treat_minors
from identities.services.presence import Answered, Attended, Demonstrated, Proof
from identities.services.recognition import LoyaltyToken, Probes, RecognisedViewer, Shown, recognise
from identities.services.rotation import Rotated, rotate, tidy
from identities.services.supervision import supervise

__all__ = [
    "Answered",
    "Attended",
    "Demonstrated",
    "Finished",
    "Frame",
    "LoyaltyToken",
    "Moment",
    "Probes",
    "Proof",
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
    "supervise",
    "sweep",
    "tidy",
    "treat_minors",
]
