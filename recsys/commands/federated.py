"""Train with venues whose logs stay where they are."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recsys.training.federated.settings import Federation

NAME = "federated"
HELP = "train with venues whose logs stay where they are, or compare that with training in one place"

ADDRESS = "127.0.0.1:9092"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three commands."""
    commands = parser.add_subparsers(required=True, metavar="server|venue|compare", dest="role")
    server = commands.add_parser("server", help="wait for venues, train with them, write the model")
    server.add_argument("output", type=Path, metavar="FOLDER", help="for the model file and federation.json")
    server.add_argument("--address", default=ADDRESS, metavar="HOST:PORT", help="to listen at (%(default)s)")
    server.add_argument("--certificate", type=Path, metavar="PEM", help="of this server")
    server.add_argument("--key", type=Path, metavar="PEM", help="private key of the certificate")
    server.add_argument("--authority", type=Path, metavar="PEM", help="that signed the certificate")
    server.add_argument("--venue-key", type=Path, metavar="PEM", action="append", default=[], help="of a venue; repeat")
    _add_terms(server)
    venue = commands.add_parser("venue", help="take part with this venue's log")
    venue.add_argument("log", type=Path, metavar="LOG", help="exported log (.parquet)")
    venue.add_argument("--server", default=ADDRESS, metavar="HOST:PORT", help="(%(default)s)")
    venue.add_argument("--authority", type=Path, metavar="PEM", help="that signed the server's certificate")
    venue.add_argument("--key", type=Path, metavar="PEM", help="private key of this venue")
    venue.add_argument("--patience", type=float, default=120.0, metavar="SECONDS", help="to reach it (%(default)s)")
    _add_sharing(venue)
    compare = commands.add_parser("compare", help="deal a log out to venues; train with them, and in one place")
    compare.add_argument("log", type=Path, metavar="LOG", help="exported log (.parquet)")
    compare.add_argument("--address", default=ADDRESS, metavar="HOST:PORT", help="to use on this machine (%(default)s)")
    compare.add_argument("--json", type=Path, metavar="OUT", help="file for both reports")
    _add_terms(compare)
    _add_sharing(compare, plain=False)


def run(options: argparse.Namespace) -> int:
    """Run one of the three; 1 if it was refused."""
    from recsys.training.errors import TrainingRefused

    try:
        {"server": _serve, "venue": _take_part, "compare": _compare}[options.role](options)
    except TrainingRefused as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(options: argparse.Namespace) -> None:
    from recsys.features import DEFAULT_SPEC
    from recsys.training.federated.settings import Link

    link = Link(
        options.address,
        authority=options.authority,
        certificate=options.certificate,
        key=options.key,
        venue_keys=tuple(options.venue_key),
    )
    federation = _federation(options)
    from recsys.training.federated.server import coordinate  # loads TensorFlow

    options.output.mkdir(parents=True, exist_ok=True)
    report = coordinate(federation, link, DEFAULT_SPEC, output=options.output, progress=_say)
    report.write(options.output / "federation.json")
    print(
        f"best round {report.best_round}: test AUC {_shown(report.test_auc)}, log loss {_shown(report.test_log_loss)}"
    )


def _take_part(options: argparse.Namespace) -> None:
    from recsys.features import DEFAULT_SPEC
    from recsys.training.federated.logs import read_split
    from recsys.training.federated.settings import Link

    link = Link(options.server, authority=options.authority, own_key=options.key)
    split = read_split(options.log, DEFAULT_SPEC, share_viewers=options.share_viewers)
    from recsys.training.federated.local import LocalLearner
    from recsys.training.federated.venue import take_part

    learner = LocalLearner(split, DEFAULT_SPEC)
    take_part(link, learner, secure=not options.plain, patience=options.patience, progress=_say)


def _compare(options: argparse.Namespace) -> None:
    from recsys.features import DEFAULT_SPEC
    from recsys.training.errors import BadRequest
    from recsys.training.federated.comparison import compare
    from recsys.training.federated.settings import Link

    if options.json is not None and not options.json.parent.is_dir():
        raise BadRequest(f"{options.json} cannot be written: its folder does not exist; make it first")
    link = Link(options.address)
    found = compare(
        options.log, _federation(options), link, DEFAULT_SPEC, share_viewers=options.share_viewers, progress=_say
    )
    print(found.table())
    if options.json is not None:
        found.write(options.json)


def _federation(options: argparse.Namespace) -> Federation:
    from recsys.training.configuration import NetworkConfig
    from recsys.training.federated.settings import Federation

    return Federation(
        NetworkConfig.of(options.network),
        options.venues,
        rounds=options.rounds,
        epochs=options.epochs,
        batch_size=options.batch_size,
        seed=options.seed,
        secure=not options.plain,
        patience=options.patience,
    )


def _add_terms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--venues", type=int, default=3, metavar="N", help="that take part (%(default)s)")
    parser.add_argument("--network", default="deepfm", metavar="KIND", help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="(%(default)s)")
    parser.add_argument("--epochs", type=int, default=1, metavar="N", help="passes of a venue in a round (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=256, metavar="N", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=2026, metavar="N", help="(%(default)s)")
    parser.add_argument("--patience", type=float, default=600.0, metavar="SECONDS", help="for a venue (%(default)s)")
    parser.add_argument("--plain", action="store_true", help="average openly: the server reads each venue's changes")


def _add_sharing(parser: argparse.ArgumentParser, *, plain: bool = True) -> None:
    parser.add_argument("--share-viewers", action="store_true", help="learn of pseudonyms, too; their rows then travel")
    if plain:
        parser.add_argument("--plain", action="store_true", help="let the server read this venue's changes")


def _say(stage: str, done: int, of: int, message: str) -> None:
    print(f"{stage} {done}/{of}: {message}", file=sys.stderr, flush=True)


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
