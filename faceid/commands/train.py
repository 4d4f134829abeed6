"""Fit an embedding network on a folder of labelled faces and plug it in."""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from faceid.commands.command import add_limits, load
from faceid.manifest import NOT_STATED

if TYPE_CHECKING:
    from faceid.training.recognition.held_out import HeldOut

NAME = "train"
HELP = "fit your own recogniser on a folder of labelled faces"
BACKBONES = ("residual", "separable", "vgg")
OBJECTIVES = ("arcface", "contrastive", "softmax", "triplet-hard", "triplet-semihard")
SIDES = (112, 56, 28)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, help="one folder per person, all of whom agreed to this use")
    parser.add_argument("--out", type=Path, required=True, help="models directory to write")
    parser.add_argument("--name", type=_name, default="recogniser", help="of the network (%(default)s)")
    parser.add_argument("--objective", choices=OBJECTIVES, default="arcface", help="(%(default)s)")
    parser.add_argument("--backbone", choices=BACKBONES, default="residual", help="(%(default)s)")
    parser.add_argument("--dimension", type=_positive, default=128, help="numbers in an embedding (%(default)s)")
    parser.add_argument("--width", type=_positive, default=24, help="channels of the first stage (%(default)s)")
    parser.add_argument("--side", type=int, choices=SIDES, default=112, help="pixels a side within the network")
    parser.add_argument("--epochs", type=_positive, default=40, help="at most (%(default)s)")
    parser.add_argument("--held-out", type=_share, default=0.2, help="share of the people to test with (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--training-data", default=NOT_STATED, help="what the manifest shall say about the faces")
    parser.add_argument("--licence", default=NOT_STATED, help="what it shall say about the weights, an SPDX id")
    add_limits(parser)


def run(options: argparse.Namespace) -> int:
    """Train, write the models directory, and print the figures of the held-out people as JSON."""
    from faceid.training.recognition.artefact import Origin, written
    from faceid.training.recognition.fit import Settings, fit
    from faceid.training.recognition.people import gathered

    people = gathered(load(options), options.images)
    learners, held_out = people.held_out(options.held_out, seed=options.seed)
    settings = Settings.of(
        backbone=options.backbone, objective=options.objective, dimension=options.dimension, width=options.width,
        side=options.side, epochs=options.epochs, seed=options.seed,
    )  # fmt: skip
    trained = fit(learners, held_out, settings, progress=_tell)
    origin = Origin(options.name, options.training_data, options.licence)
    manifest = written(trained, settings, held_out, models=options.models, out=options.out, origin=origin)
    report = {
        "learners": {"people": len(learners.names), "pictures": len(learners)},
        "left_out": dict(people.left_out),
        "held_out": trained.best.figures(),
        "epoch": trained.epoch,
        "losses": [round(loss, 4) for loss in trained.losses],
        "file": manifest.recogniser.model.file,
        "sha256": manifest.recogniser.model.sha256,
    }
    print(json.dumps(report))
    return 0


def _tell(epoch: int, loss: float, found: "HeldOut") -> None:
    rate, rank = found.equal_error_rate, found.rank_one
    print(f"epoch {epoch}: loss {loss:.3f}, held out: EER {rate:.1%}, rank 1 {rank:.1%}", file=sys.stderr, flush=True)


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", text):
        raise argparse.ArgumentTypeError("up to 40 of a-z, 0-9, - and _")
    return text


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError("between 0 and 1")
    return share
