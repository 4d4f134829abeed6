"""Enrol, recognise and forget faces."""

from identities.services.enrolment import enrol
from identities.services.erasure import forget
from identities.services.recognition import Frame, LoyaltyToken, Probes, RecognisedViewer, Shown, recognise

__all__ = ["Frame", "LoyaltyToken", "Probes", "RecognisedViewer", "Shown", "enrol", "forget", "recognise"]
