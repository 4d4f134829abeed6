"""Judge whether pictures and films show a living person, and measure a camera on people who are known to be alive."""

import argparse
import json
import sys
from pathlib import Path

from faceid.commands.command import add_limits, frame_of, limits_of, load
from faceid.commands.evaluating import check_outputs, say
from faceid.errors import FaceError
from faceid.evaluate.presentations import RATE, VIDEOS, Presented, capture_of, frames_of
from faceid.frame import from_rgb
from faceid.image import decode
from faceid.liveness import camera_file
from faceid.liveness.calibration import LEAST_CAPTURES, CameraCalibration
from faceid.liveness.camera_file import CameraRefused
from faceid.liveness.capture import Capture, Look, infrared_of
from faceid.liveness.detector import LivenessDetector
from faceid.liveness.finding import find_face
from faceid.liveness.policy import Policy, Purpose
from faceid.pipeline import Pipeline

_SHOWN = "a picture, a film, or a folder that holds a film's frames in the order of their names"


def add_judge(parser: argparse.ArgumentParser) -> None:
    """Declare what is judged, and how strictly."""
    parser.add_argument("images", type=Path, nargs="+", metavar="FILE", help=_SHOWN)
    parser.add_argument("--purpose", type=Purpose, choices=list(Purpose), default=Purpose.SCREEN,
                        help="strict for enrolment, light for a screen (%(default)s)")  # fmt: skip
    parser.add_argument("--threshold", type=float, help="least probability, instead of the purpose's")
    parser.add_argument("--infrared", type=Path, metavar="FILE",
                        help="near-infrared picture of the last look, of the same size; for one FILE")  # fmt: skip
    parser.add_argument("--camera", type=Path, metavar="FILE", help="what `calibrate-camera --out` wrote")
    _add_rate(parser)
    add_limits(parser)


def add_camera(parser: argparse.ArgumentParser) -> None:
    """Declare whom the camera saw, and where its calibration goes."""
    parser.add_argument("images", type=Path, nargs="+", metavar="FILE",
                        help=f"living people by this camera in its place and light, each {_SHOWN}")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="calibration to write")
    _add_rate(parser)
    add_limits(parser)


def judge(options: argparse.Namespace) -> int:
    """Print one line of JSON per file; 0 when all pass, 2 when one does not, 1 when one has no face to judge."""
    policy = _policy(options)
    if policy is None:
        return 1
    if options.infrared is not None and len(options.images) > 1:
        print("--infrared belongs to one FILE: judge the others by themselves.", file=sys.stderr)
        return 1
    pipeline, detector = load(options), LivenessDetector.load(options.models, limits_of(options))
    camera = None if options.camera is None else camera_file.load(options.camera, options.models)
    statuses = [_judged(pipeline, detector, policy, camera, path, options) for path in options.images]
    return 1 if 1 in statuses else max(statuses)


def calibrate_camera(options: argparse.Namespace) -> int:
    """Write how much less, or more, alive this camera makes people look; name files without a face."""
    check_outputs(options.out)
    pipeline, detector = load(options), LivenessDetector.load(options.models, limits_of(options))
    captures: list[Capture] = []
    for path in options.images:
        try:
            captures.append(_capture(pipeline, path, options.rate))
        except (FaceError, OSError, _NoFace) as error:
            say(f"{path}: {getattr(error, 'code', 'unreadable')}, left out")
    if len(captures) < LEAST_CAPTURES:
        raise CameraRefused(
            f"{len(captures)} of {len(options.images)} files show a face.",
            expected=f"{LEAST_CAPTURES} living people at least, better ten.",
            remedy="Take more pictures with this camera.",
        )
    camera = detector.calibrate_camera(captures)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    camera_file.save(camera, options.models, options.out)
    shifts = {method: round(shift, 3) for method, shift in camera.shifts}
    print(json.dumps({"captures": camera.captures, "shifts": shifts, "scores": "log-odds"}))
    return 0


class _NoFace(Exception):
    code = "no_face"


def _judged(
    pipeline: Pipeline,
    detector: LivenessDetector,
    policy: Policy,
    camera: CameraCalibration | None,
    path: Path,
    options: argparse.Namespace,
) -> int:
    try:
        capture = _capture(pipeline, path, options.rate)
    except (FaceError, OSError, _NoFace) as error:
        print(json.dumps({"image": str(path), "error": getattr(error, "code", "unreadable")}))
        return 1
    if options.infrared is not None:
        infrared = infrared_of(frame_of(options.infrared), from_rgb(capture.still.image))
        capture = Capture(capture.looks, infrared)
    verdict = detector.judge(capture, policy, camera=camera)
    told = {
        "image": str(path), "looks": len(capture.looks), "live": verdict.live, "score": round(verdict.score, 4),
        "threshold": round(verdict.threshold, 4), "reasons": verdict.reasons,
        "log_odds": {one.method: round(one.score, 3) for one in verdict.evidence},
    }  # fmt: skip
    missing = {"untrained": detector.bundle.untrained} if detector.bundle.untrained else {}
    print(json.dumps(told | missing))
    return 0 if verdict.live else 2


def _capture(pipeline: Pipeline, path: Path, rate: float) -> Capture:
    if path.is_dir():
        capture = frames_of(pipeline.detector, path, rate=rate)
    elif path.suffix.lower() in VIDEOS:
        capture = capture_of(pipeline.detector, Presented(path, path.name, None))
    else:
        image = decode(path.read_bytes())
        face = find_face(pipeline.detector, image)
        capture = None if face is None else Capture((Look(image, face),))
    if capture is None:
        raise _NoFace
    return capture


def _add_rate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", type=_rate, default=RATE, metavar="HZ",
                        help="frames per second of a folder's film (%(default)s)")  # fmt: skip


def _rate(text: str) -> float:
    rate = float(text)
    if not 0.1 <= rate <= 1000.0:
        raise argparse.ArgumentTypeError("between 0.1 and 1000")
    return rate


def _policy(options: argparse.Namespace) -> Policy | None:
    try:
        return Policy(options.purpose, options.threshold)
    except ValueError as error:
        print(error, file=sys.stderr)
        return None
