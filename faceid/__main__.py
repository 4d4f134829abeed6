"""Command line: prepare the models, and look at what they see in pictures on disk."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from faceid.errors import FaceError
from faceid.image import decode
from faceid.match import THRESHOLD_DEFAULT, cosine
from faceid.pipeline import Enrolment, Pipeline
from faceid.prepare import prepare


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 1 refused, 2 two different people."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except FaceError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    return status


def _prepare(options: argparse.Namespace) -> int:
    manifest = prepare(options.source, options.out)
    for model in (manifest.detector, manifest.recogniser):
        print(f"{model.file}  {model.size:>10,} bytes  {model.name}, {model.weights_licence}")
    return 0


def _detect(options: argparse.Namespace) -> int:
    faces = Pipeline.load(options.models).faces(decode(options.image.read_bytes()))
    for one in faces:
        box = [round(float(side), 1) for side in one.face.box]
        print(json.dumps({"box": box, "reasons": one.quality.reasons, **asdict(one.quality.figures)}))
    return 0


def _embed(options: argparse.Namespace) -> int:
    pipeline = Pipeline.load(options.models)
    enrolment = _enrolment(pipeline, options.image)
    # The numbers themselves stay in memory: a terminal's history is no place for a template.
    about = {"contract": pipeline.contract().id, "dimension": len(enrolment.embedding)}
    print(json.dumps({**about, **asdict(enrolment.quality.figures)}))
    return 0


def _verify(options: argparse.Namespace) -> int:
    pipeline = Pipeline.load(options.models)
    first, second = (_enrolment(pipeline, path).embedding for path in (options.first, options.second))
    score = float(cosine(first, second))
    same = score >= options.threshold
    print(json.dumps({"same": same, "cosine": round(score, 4), "threshold": options.threshold}))
    return 0 if same else 2


def _enrolment(pipeline: Pipeline, path: Path) -> Enrolment:
    return pipeline.enrolment(decode(path.read_bytes()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m faceid", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("prepare", help="repair the published models and write them with a manifest")
    command.add_argument("--source", type=Path, required=True, help="directory of the unpacked model package")
    command.add_argument("--out", type=Path, required=True, help="models directory to write")
    command.set_defaults(run=_prepare)

    command = commands.add_parser("detect", help="list the faces of a picture with their quality")
    command.add_argument("image", type=Path)
    command.set_defaults(run=_detect)
    _add_models(command)

    command = commands.add_parser("embed", help="check that a picture could be enrolled; shows no numbers of the face")
    command.add_argument("image", type=Path)
    command.set_defaults(run=_embed)
    _add_models(command)

    command = commands.add_parser("verify", help="say whether two pictures show the same person")
    command.add_argument("first", type=Path)
    command.add_argument("second", type=Path)
    command.add_argument("--threshold", type=float, default=THRESHOLD_DEFAULT, help="least cosine (%(default)s)")
    command.set_defaults(run=_verify)
    _add_models(command)
    return parser


def _add_models(command: argparse.ArgumentParser) -> None:
    command.add_argument("--models", type=Path, required=True, help="models directory")


if __name__ == "__main__":
    sys.exit(main())
