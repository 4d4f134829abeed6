"""A calibration: the threshold that keeps strangers unknown in one gallery, how sure it is, and how long it holds.

Serving reads this file, so it needs nothing beyond the standard library.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from faceid.errors import ContractMismatch
from faceid.openset.errors import CalibrationRefused
from faceid.openset.probability import ScoreCalibrator

FORMAT = "faceid-calibration-1"
GROWN = 2
"""How many times larger a gallery may become before its threshold lets about twice as many strangers in."""


class Method(StrEnum):
    """How a threshold was found.

    ``empirical``: from the best score of each impostor in a gallery of that very size. ``scaled``: the same, carried to
    another gallery size as if subjects were independent. ``pareto_tail``: the target lies beyond the data; a fitted
    tail was extrapolated.
    """

    EMPIRICAL = "empirical"
    SCALED = "scaled"
    PARETO_TAIL = "pareto_tail"


@dataclass(frozen=True, slots=True)
class Calibration:
    """The rule for recognising in one gallery; pass ``threshold`` and ``margin`` to :func:`faceid.match.identify`.

    Attributes:
        contract: id of the embedding contract of the templates and impostors it was made from.
        made_at: aware time.
        target: false positive identification rate asked for, 0 to 1.
        gallery_size: enrolled subjects it is meant for.
        threshold: least raw cosine.
        threshold_interval: where the threshold that just keeps the target lies; its upper end is the cautious choice.
        rate_interval: where the rate at ``threshold`` lies that is seen on as many other strangers, 0 to 1.
        level: confidence of both intervals.
        method: how the threshold was found.
        margin: least distance in cosine between best and second-best subject. The threshold keeps the target without
            its help.
        impostors: people it was calibrated against.
        searches: pictures of them.
        probability: turns cosines into probabilities; None where there were too few pairs of one person.
        sites: threshold per site, where sites were labelled.
        report: everything else that was measured; for people, never for decisions.
    """

    contract: str
    made_at: datetime
    target: float
    gallery_size: int
    threshold: float
    threshold_interval: tuple[float, float]
    rate_interval: tuple[float, float]
    level: float
    method: Method
    margin: float
    impostors: int
    searches: int
    probability: ScoreCalibrator | None = None
    sites: Mapping[str, float] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def extrapolated(self) -> bool:
        """Say whether the target lies beyond what the data shows."""
        return self.method is Method.PARETO_TAIL

    def threshold_at(self, site: str | None = None) -> float:
        """Return the threshold of a site, or the gallery's where the site has none of its own."""
        return self.threshold if site is None else self.sites.get(site, self.threshold)

    def require(self, contract_id: str) -> None:
        """Refuse to be used under another contract: cosines of other models mean something else.

        Raises:
            ContractMismatch: ``contract_id`` is not the one it was made under.
        """
        if contract_id != self.contract:
            raise ContractMismatch(
                f"The calibration was made under contract {self.contract}.",
                expected=f"contract {contract_id}.",
                remedy="Calibrate again with the models in use.",
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            CalibrationRefused: the file is missing, unreadable or not a calibration.
        """
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise _refused(f"{path} cannot be read ({type(error).__name__}).") from error
        return cls.of(fields)

    @classmethod
    def of(cls, fields: Any) -> Self:
        """Make a calibration of the object that :meth:`fields` returned.

        Raises:
            CalibrationRefused: a field is missing, of the wrong type or out of range.
        """
        try:
            if fields["format"] != FORMAT:
                raise ValueError(f"format {str(fields['format'])[:40]!r}")
            probability = fields["probability"]
            made = cls(
                contract=str(fields["contract"]),
                made_at=datetime.fromisoformat(fields["made_at"]),
                target=float(fields["target"]),
                gallery_size=int(fields["gallery_size"]),
                threshold=float(fields["threshold"]),
                threshold_interval=_interval(fields["threshold_interval"]),
                rate_interval=_interval(fields["rate_interval"]),
                level=float(fields["level"]),
                method=Method(fields["method"]),
                margin=float(fields["margin"]),
                impostors=int(fields["impostors"]),
                searches=int(fields["searches"]),
                probability=None if probability is None else ScoreCalibrator.of(probability),
                sites={str(site): float(one) for site, one in fields["sites"].items()},
                report=dict(fields["report"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise _refused(f"This is no calibration ({type(error).__name__}: {str(error)[:80]}).") from error
        made._check()
        return made

    def fields(self) -> dict[str, Any]:
        """Return the calibration as an object of JSON."""
        whole = asdict(self) | {"format": FORMAT, "made_at": self.made_at.isoformat(), "method": str(self.method)}
        whole |= {name: list(whole[name]) for name in ("threshold_interval", "rate_interval")}
        whole["probability"] = None if self.probability is None else self.probability.fields()
        return whole | {"extrapolated": self.extrapolated, "scores": "raw cosine"}

    def save(self, path: Path) -> None:
        """Write the calibration as indented JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.fields(), indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")

    def _check(self) -> None:
        thresholds = (self.threshold, *self.threshold_interval, *self.sites.values())
        rates = (self.target, *self.rate_interval, self.level)
        right = (
            all(math.isfinite(one) and -1.0 <= one <= 2.0 for one in thresholds)
            and all(math.isfinite(one) and 0.0 <= one <= 1.0 for one in rates)
            and 0.0 <= self.margin <= 2.0
            and self.gallery_size > 0
            and self.made_at.tzinfo is not None
        )
        if not right:
            raise _refused("A figure of the calibration is out of range, or its time has no zone.")


def needs_recalibration(calibration: Calibration, gallery_size: int, contract_id: str | None = None) -> str | None:
    """Say why a calibration should be made again, or None while it holds.

    Args:
        calibration: the one in use.
        gallery_size: subjects enrolled now.
        contract_id: contract in use now, if it should be looked at.

    At an unchanged threshold FPIR grows nearly in proportion to the gallery: 1 - (1 - FMR)^N.
    """
    if contract_id is not None and contract_id != calibration.contract:
        return f"The models changed: the calibration is for {calibration.contract}, in use is {contract_id}."
    if gallery_size >= GROWN * calibration.gallery_size:
        return (
            f"The gallery grew from {calibration.gallery_size:,} to {gallery_size:,} subjects, so that strangers are "
            f"taken for somebody about {gallery_size / calibration.gallery_size:.1f} times as often."
        )
    return None


def _interval(value: Any) -> tuple[float, float]:
    low, high = value
    return float(low), float(high)


def _refused(happened: str) -> CalibrationRefused:
    return CalibrationRefused(
        happened,
        expected=f"a file of format {FORMAT}.",
        remedy="Make one with `python -m faceid calibrate`.",
    )
