"""The rule by which commands take two faces for one person: stated, or read from a calibration."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from faceid.match import IMPOSTOR_MARGIN, THRESHOLD_DEFAULT
from faceid.openset.calibration import Calibration
from faceid.openset.probability import ScoreCalibrator


@dataclass(frozen=True, slots=True)
class Rule:
    """When a score is enough.

    Attributes:
        threshold: least raw cosine.
        margin: least lead over the second person.
        probability: what turns cosines into probabilities; None without a calibration that can.
    """

    threshold: float
    margin: float
    probability: ScoreCalibrator | None

    def meaning(self, cosine: float) -> dict[str, float]:
        """Return the probability that both are one person as likely as not before looking; nothing without one."""
        if self.probability is None:
            return {}
        found = self.probability.score(cosine)
        return {"probability": round(found.probability, 4), "prior": found.prior}


def add_rule(parser: argparse.ArgumentParser, *, margin: bool) -> None:
    """Declare threshold, calibration and, where people are told apart, margin."""
    parser.add_argument("--threshold", type=float, help=f"least cosine (the calibration's, or {THRESHOLD_DEFAULT})")
    if margin:
        parser.add_argument(
            "--margin", type=float, help=f"least lead over the second person (the calibration's, or {IMPOSTOR_MARGIN})"
        )
    parser.add_argument("--calibration", type=Path, help="what `calibrate --out` wrote: its threshold and probability")
    parser.add_argument("--site", help="use the calibration's threshold for this site, where it has one")


def rule_of(options: argparse.Namespace, contract_id: str) -> Rule:
    """Return the rule that the arguments of :func:`add_rule` describe; what is stated beats what is calibrated.

    Raises:
        CalibrationRefused: the file is no calibration.
        ContractMismatch: it was made with other models.
    """
    threshold, margin, probability = THRESHOLD_DEFAULT, IMPOSTOR_MARGIN, None
    if options.calibration is not None:
        made = Calibration.load(options.calibration)
        made.require(contract_id)
        threshold, margin, probability = made.threshold_at(options.site), made.margin, made.probability
    stated = getattr(options, "margin", None)
    return Rule(
        threshold if options.threshold is None else options.threshold,
        margin if stated is None else stated,
        probability,
    )
