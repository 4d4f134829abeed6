"""What every command of the command line offers, and the arguments that several of them share."""

import argparse
from pathlib import Path
from typing import Final, Protocol

from faceid.errors import FileUnreadable
from faceid.frame import Frame
from faceid.image import decode
from faceid.pipeline import Enrolment, Pipeline
from faceid.session import CPU, DEFAULT, Limits

PICTURES: Final = (".jpg", ".jpeg", ".png", ".webp")
"""Endings of the files that a folder is searched for."""


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


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Declare the models directory and how its networks run; see :func:`load` and :func:`limits_of`."""
    add_models(parser)
    parser.add_argument("--threads", type=_positive, default=DEFAULT.threads, help="threads per run (%(default)s)")
    parser.add_argument(
        "--memory", type=_positive, default=DEFAULT.memory_mib, metavar="MIB", help="memory per run (%(default)s MiB)"
    )
    parser.add_argument("--provider", default=CPU, help="execution provider of onnxruntime (%(default)s)")


def add_pipeline(parser: argparse.ArgumentParser) -> None:
    """Declare the models directory, how its networks run, and how embeddings are made; see :func:`load`."""
    add_limits(parser)
    parser.add_argument(
        "--flip", action=argparse.BooleanOptionalAction, help="average over the mirror image (as the manifest says)"
    )


def load(options: argparse.Namespace) -> Pipeline:
    """Load the pipeline that the arguments of :func:`add_pipeline` or :func:`add_limits` describe.

    Raises:
        ModelsUnavailable: a model is missing, damaged or cannot run on that provider.
    """
    return Pipeline.load(options.models, limits_of(options), flip=getattr(options, "flip", None))


def limits_of(options: argparse.Namespace) -> Limits:
    """Return what the arguments of :func:`add_limits` allow every network."""
    return Limits(options.threads, options.memory, options.provider)


def contents(path: Path) -> bytes:
    """Read a file.

    Raises:
        FileUnreadable: there is none, or it may not be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileUnreadable(
            f"{path} cannot be read: {error.strerror}.",
            expected="a picture that exists.",
            remedy="Check the path and who may read it.",
        ) from error


def frame_of(path: Path) -> Frame:
    """Decode a picture on disk.

    Raises:
        FileUnreadable, ImageRefused: there is no such file, or it is no picture.
    """
    return decode(contents(path))


def pictures_below(folder: Path) -> list[Path]:
    """List the JPEG, PNG and WebP files below a folder, in order of their paths.

    Raises:
        FileUnreadable: there is none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())
    if not found:
        raise FileUnreadable(
            f"There is no picture below {folder}.",
            expected=f"files that end in {', '.join(PICTURES)}.",
            remedy="Name the folder that holds them.",
        )
    return found


def enrolment_of(pipeline: Pipeline, path: Path) -> Enrolment:
    """Embed the one person of a picture on disk.

    Raises:
        FaceError: the file is no picture, or the face in it falls short.
    """
    return pipeline.enrolment(frame_of(path))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number
