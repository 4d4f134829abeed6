"""Judge whether pictures and films show a living person, get used to a camera, and train what judges."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from faceid.commands import liveness_judge
from faceid.commands.command import add_limits, limits_of, load
from faceid.errors import ModelsUnavailable
from faceid.liveness.bundle import DIRECTORY
from faceid.liveness.policy import TARGETS, Purpose, Rate, Target

NAME = "liveness"
HELP = "judge whether pictures and films show a living person, get used to a camera, or train what judges"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    judge = commands.add_parser("judge", help="judge pictures and films one by one")
    liveness_judge.add_judge(judge)
    judge.set_defaults(liveness=liveness_judge.judge)
    camera = commands.add_parser("calibrate-camera", help="measure a camera on people who are known to be alive")
    liveness_judge.add_camera(camera)
    camera.set_defaults(liveness=liveness_judge.calibrate_camera)
    train = commands.add_parser("train", help="fit methods, fusion and thresholds")
    train.add_argument("--carriers", type=Path, help="directory of the unpacked packages that carry photographs")
    train.add_argument("--live", type=Path, action="append", default=[], metavar="DIR",
                       help="photographs of living people, one folder per person; may be repeated")  # fmt: skip
    train.add_argument("--attacks", type=Path, action="append", default=[], metavar="DIR",
                       help="recordings of one source: real/ and one folder per species; may be repeated")  # fmt: skip
    train.add_argument("--count", type=int, default=2000, help="frames made from photographs (%(default)s)")
    train.add_argument("--networks", action="store_true",
                       help="train the two networks first; takes minutes and needs TensorFlow")  # fmt: skip
    train.add_argument("--seed", type=int, default=0, help="of everything that is drawn (%(default)s)")
    train.add_argument("--apcer", type=float, default=TARGETS[Purpose.ENROLMENT].most,
                       help="share of the worst species that may pass at enrolment (%(default)s)")  # fmt: skip
    train.add_argument("--bpcer", type=float, default=TARGETS[Purpose.SCREEN].most,
                       help="share of living people that may be refused at a screen (%(default)s)")  # fmt: skip
    train.add_argument("--out", type=Path, help="models directory to write to, where it is not --models")
    add_limits(train)
    train.set_defaults(liveness=_train)


def run(options: argparse.Namespace) -> int:
    """Run the sub-command that was asked for."""
    status: int = options.liveness(options)
    return status


def _train(options: argparse.Namespace) -> int:
    """Train and write; print what was found on what was held out."""
    from faceid.training.liveness import Material, train_liveness
    from faceid.training.liveness_frames import carried, photographed, recorded

    finder = load(options).detector
    living = carried(options.carriers, finder) if options.carriers else []
    for folder in options.live:
        living += photographed(folder, finder, first=1 + max((one.person for one in living), default=0))
    recordings = [
        recorded(folder, finder, person=-number, say=_say) for number, folder in enumerate(options.attacks, start=1)
    ]
    try:
        targets = {
            Purpose.ENROLMENT: Target(Rate.APCER, options.apcer),
            Purpose.SCREEN: Target(Rate.BPCER, options.bpcer),
        }
        out = (options.out or options.models) / DIRECTORY
        material = Material(living, recordings, _sources(options))
        if options.networks:
            _train_networks(material, out, options)
        bundle = train_liveness(material, out, count=options.count, seed=options.seed, targets=targets, say=_say)
    except ValueError as error:
        print(f"Cannot train: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"out": str(out), "thresholds": bundle.thresholds, **bundle.training}, indent=2))
    return 0


def _sources(options: argparse.Namespace) -> list[str]:
    """Say for the manifest what was trained on, without naming anybody's folders."""
    from faceid.training.photographs import PACKAGES

    carried = [f"photographs that {package} carries" for package in PACKAGES] if options.carriers else []
    own = [f"an operator's own photographs, folder {number}" for number, _ in enumerate(options.live, 1)]
    return carried + own + [f"an operator's recordings, source {number}" for number, _ in enumerate(options.attacks, 1)]


def _train_networks(material: Any, out: Path, options: argparse.Namespace) -> None:
    from faceid.mesh import FaceMesh
    from faceid.training.network_material import train_networks_on

    surface = FaceMesh.load(options.models, limits_of(options))
    if surface is None:
        raise ModelsUnavailable(
            "The dense landmarks are not installed, from which networks learn the depth of faces.",
            expected="the face mesh in the models directory.",
            remedy="Run `make models`, or `python -m faceid prepare-mesh`.",
        )
    train_networks_on(material, out, surface=surface, count=options.count, seed=options.seed, say=_say)


def _say(line: str) -> None:
    print(line, file=sys.stderr)
