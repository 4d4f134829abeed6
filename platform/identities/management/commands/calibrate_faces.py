"""``manage.py calibrate_faces``: let an operator's own gallery say what counts as recognised."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

import signage.selectors
from accounts.selectors import operator_named
from core.ids import parse_public_id
from core.problems import Problem
from core.tenancy import operator_scope
from faceid.errors import FaceError
from faceid.openset.templates import Templates
from identities import selectors, thresholds
from identities.faces import read
from identities.services.calibration import calibrate, forget_calibration

_ACTOR = "manage.py calibrate_faces"


class Command(BaseCommand):
    """Calibrate, or say whether it is time to."""

    help = "Find the threshold that keeps strangers unknown in an operator's gallery, and recognise by it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("operator", help="slug of the operator")
        parser.add_argument("--fpir", type=float, default=0.01, help="share of strangers who may be named (0.01)")
        parser.add_argument(
            "--impostors", type=Path, metavar="FILE",
            help="embeddings of people who are not enrolled, from `faceid calibrate --keep-impostors`",
        )  # fmt: skip
        parser.add_argument(
            "--venue", metavar="VENUE",
            help="id of a venue: calibrate, or tell of, its share of the gallery, for its screens alone",
        )  # fmt: skip
        parser.add_argument("--forget", action="store_true", help="recognise by the next wider rule again instead")
        parser.add_argument("--status", action="store_true", help="only say what holds and whether it still fits")

    def handle(self, *args: Any, **options: Any) -> None:
        """Calibrate, or tell."""
        operator = operator_named(options["operator"])
        if operator is None:
            raise CommandError(f"There is no operator with the slug {options['operator']!r}.")
        try:
            with operator_scope(operator.id):
                said = _said(operator.id, options)
        except Problem as error:
            raise CommandError(error.detail) from error
        except FaceError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(said)


def _said(operator_id: UUID, options: dict[str, Any]) -> str:
    venue_id = None
    if options["venue"] is not None:
        venue_id = parse_public_id("ven", options["venue"])
        signage.selectors.get_venue(operator_id=operator_id, venue_id=venue_id)
    if options["status"]:
        return _status(operator_id, venue_id)
    if options["forget"]:
        forgotten = forget_calibration(operator_id=operator_id, venue_id=venue_id, actor=_ACTOR)
        return "Forgotten. " + _status(operator_id, venue_id) if forgotten else "There is nothing to forget."
    return _calibrated(operator_id, venue_id, options)


def _calibrated(operator_id: UUID, venue_id: UUID | None, options: dict[str, Any]) -> str:
    impostors = None if options["impostors"] is None else Templates.load(options["impostors"])
    made = calibrate(
        operator_id=operator_id, target=options["fpir"], actor=_ACTOR, at=timezone.now(), impostors=impostors,
        venue_id=venue_id,
    )  # fmt: skip
    low, high = made.rate_interval
    beyond = " The target lies beyond the data: this is extrapolated." if made.extrapolated else ""
    return (
        f"Threshold {made.threshold:.4f} for {made.gallery_size:,} subjects, from {made.impostors:,} impostors: "
        f"{made.target:.2%} of strangers named, {low:.2%} to {high:.2%} on as many others.{beyond}"
    )


def _status(operator_id: UUID, venue_id: UUID | None) -> str:
    space = read(operator_id).active
    terms = selectors.terms(operator_id=operator_id, contract=space.id)
    here = (None, venue_id)
    size = len({term.subject_id for term in terms.values() if venue_id is None or term.venue_id in here})
    found = [
        (whose, made)
        for whose in dict.fromkeys((venue_id, None))
        if (made := thresholds.calibrations(operator_id=operator_id, venue_id=whose).get(space.pipeline.contract().id))
    ]
    whose, held = found[0] if found else (None, None)
    rule = thresholds.Rule.of(held)
    inherited = " by the operator" if whose != venue_id else ""
    whence = f"calibrated{inherited} {held.made_at:%Y-%m-%d} for {held.gallery_size:,} subjects" if held else "default"
    advice = thresholds.advice(operator_id=operator_id, pipeline=space.pipeline, gallery_size=size, venue_id=venue_id)
    return f"Threshold {rule.threshold:.4f}, margin {rule.margin:.2f} ({whence}); {size:,} subjects enrolled." + (
        f" {advice} Calibrate again." if advice else ""
    )
