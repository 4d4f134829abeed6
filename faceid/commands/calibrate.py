"""Find the threshold that keeps strangers unknown in one's own gallery."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from faceid.commands.command import add_pipeline, load
from faceid.commands.evaluating import check_outputs, say
from faceid.evaluate import cohorts, folder
from faceid.evaluate.acquisition import PROFILES, acquire
from faceid.evaluate.folder import Picture
from faceid.match import IMPOSTOR_MARGIN
from faceid.openset.calibrate import Request, calibrate
from faceid.openset.calibration import Calibration, needs_recalibration
from faceid.openset.errors import CalibrationRefused
from faceid.openset.probability import Curve
from faceid.openset.templates import Templates
from faceid.pipeline import Pipeline

NAME = "calibrate"
HELP = "find the threshold that keeps strangers unknown in one's own gallery"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("enrolled", type=Path, help="folder with one folder of pictures per person, or an .npz of templates")
    add("--impostors", type=Path, metavar="PATH", help="folder of people who are not enrolled, or an .npz of them")
    add("--keep-impostors", type=Path, metavar="FILE", help="write the impostors' embeddings for the next time")
    add("--fpir", type=float, default=0.01, metavar="RATE", help="share of strangers who may be named (%(default)s)")
    add("--gallery-size", type=int, metavar="N", help="subjects to calibrate for; else as many as are enrolled")
    add("--margin", type=float, default=IMPOSTOR_MARGIN, metavar="COSINE", help="best over second best (%(default)s)")
    add("--cautious", action="store_true", help="take the upper end of the threshold's interval")
    add("--curve", choices=[str(one) for one in Curve], default="logistic", help="shape of the probability")
    add("--quality", choices=sorted(PROFILES), default="screen", help="what a face must meet (%(default)s)")
    add("--sites", type=Path, metavar="FILE", help="table of enrolled persons and their `site`: a threshold for each")
    add("--cohorts", type=Path, metavar="FILE", help="table of impostors and their labels: rate of each cohort")
    add("--worst-cohort", action="store_true", help="take the threshold of the cohort that needs the highest")
    add("--previous", type=Path, metavar="FILE", help="calibration in use: say whether it still holds")
    add("--out", type=Path, required=True, metavar="FILE", help="calibration to write")
    add_pipeline(parser)


def run(options: argparse.Namespace) -> int:
    """Write the calibration and print what matters of it."""
    check_outputs(options.out, options.keep_impostors)
    pipeline = load(options)
    enrolled = templates(pipeline, options.enrolled, options.quality, strangers=False)
    impostors = None
    if options.impostors is not None:
        impostors = templates(pipeline, options.impostors, options.quality, strangers=True)
        if options.keep_impostors is not None:
            impostors.save(options.keep_impostors)
    request = Request(
        options.fpir, options.gallery_size, options.margin, options.cautious, options.worst_cohort,
        Curve(options.curve),
    )  # fmt: skip
    labels = None if options.cohorts is None else _persons(options.cohorts).columns
    made = calibrate(
        enrolled, impostors, request, at=datetime.now(UTC), sites=_sites(options.sites), cohorts=labels
    )  # fmt: skip
    if options.previous is not None:
        old = Calibration.load(options.previous)
        say(needs_recalibration(old, made.gallery_size, made.contract) or "The previous calibration still holds.")
    made.save(options.out)
    print(json.dumps(_summary(made)))
    return 0


def templates(pipeline: Pipeline, path: Path, quality: str, *, strangers: bool) -> Templates:
    """Read templates from an ``.npz``, or make them in memory from a folder of pictures.

    Raises:
        ContractMismatch: the file was made with other models.
        TemplatesRefused, FolderRefused, CalibrationRefused: nothing usable is there.
    """
    if path.suffix.lower() == ".npz":
        loaded = Templates.load(path)
        loaded.require(pipeline.contract().id)
        return loaded
    shown = folder.strangers(path) if strangers else folder.people(path)
    acquired = acquire(pipeline, [one.path for one in shown], profile=PROFILES[quality])
    usable: list[Picture] = [one for one in shown if not acquired.failed(one.path)]
    say(f"{path}: {len(shown):,} pictures, {len(shown) - len(usable):,} without embedding {acquired.reasons() or ''}")
    if not usable:
        raise CalibrationRefused(
            f"No picture of {path} gave an embedding.",
            expected="pictures with a usable face.",
            remedy="Look at the reasons above.",
        )
    subjects = np.array([one.person for one in usable])
    return Templates(pipeline.contract().id, acquired.of(one.path for one in usable), subjects)


def _persons(path: Path) -> cohorts.Cohorts:
    table = cohorts.read(path)
    if table.key != "person":
        raise CalibrationRefused(
            f"{path} labels files.", expected="a table with the column `person`.", remedy="Label persons instead."
        )
    return table


def _sites(path: Path | None) -> dict[str, list[str]] | None:
    if path is None:
        return None
    table = _persons(path)
    column = "site" if "site" in table.columns else next(iter(table.columns))
    members: dict[str, list[str]] = {}
    for person, site in table.columns[column].items():
        members.setdefault(site, []).append(person)
    return members


def _summary(made: Calibration) -> dict[str, object]:
    effect = next((row for row in made.report["margin"] if row["margin"] == made.margin), None)
    whole: dict[str, object] = {
        "threshold": round(made.threshold, 4),
        "threshold_interval": [round(one, 4) for one in made.threshold_interval],
        "target_fpir": made.target,
        "fpir_interval": [round(one, 6) for one in made.rate_interval],
        "gallery_size": made.gallery_size,
        "method": str(made.method),
        "extrapolated": made.extrapolated,
        "margin": made.margin,
        "impostors": made.impostors,
        "sites": {site: round(one, 4) for site, one in made.sites.items()},
        "contract": made.contract,
    }
    return whole if effect is None else whole | {"fpir_with_margin": effect["fpir"], "fnir_with_margin": effect["fnir"]}
