"""What every command of the command line offers, and the arguments that several of them share."""

import argparse
from pathlib import Path
from typing import Protocol

from faceid.image import decode
from faceid.pipeline import Enrolment, Pipeline


class Command(Protocol):
    """A module that is one command."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Do the work and return the exit status: 0 done or yes, 1 refused, 2 no."""
        ...


def add_models(parser: argparse.ArgumentParser) -> None:
    """Declare the models directory."""
    parser.add_argument("--models", type=Path, required=True, help="models directory")


def enrolment_of(pipeline: Pipeline, path: Path) -> Enrolment:
    """Embed the one person of a picture on disk.

    Raises:
        FaceError: the file is no picture, or the face in it falls short.
    """
    return pipeline.enrolment(decode(path.read_bytes()))
