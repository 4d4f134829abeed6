"""A camera's calibration as a file, bound to the models it was measured with."""

import json
import math
from pathlib import Path

from faceid.errors import FaceError
from faceid.files import write_whole
from faceid.liveness.bundle import bundle_digest
from faceid.liveness.calibration import MOST_SHIFT, CameraCalibration


class CameraRefused(FaceError):
    """A camera cannot be calibrated, or its calibration cannot be used."""

    code = "camera_refused"


def save(camera: CameraCalibration, models_dir: Path, path: Path) -> None:
    """Write a calibration as JSON: shifts by method, captures, and the digest of the models' manifest; no faces."""
    fields = {"bundle": bundle_digest(models_dir), "captures": camera.captures, "shifts": dict(camera.shifts)}
    write_whole(path, (json.dumps(fields, indent=2, sort_keys=True) + "\n").encode())


def load(path: Path, models_dir: Path) -> CameraCalibration:
    """Read what :func:`save` wrote.

    Raises:
        CameraRefused: it is unreadable, or was measured with other liveness models.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        shifts = tuple(sorted((str(name), float(value)) for name, value in fields["shifts"].items()))
        if not all(math.isfinite(value) and abs(value) <= MOST_SHIFT for _, value in shifts):
            raise ValueError("a shift lies beyond what a calibration gives")
        bundle, captures = str(fields["bundle"]), int(fields["captures"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CameraRefused(
            f"{path} is no calibration of a camera ({type(error).__name__}).",
            expected="the file that `faceid liveness calibrate-camera --out` writes.",
            remedy="Calibrate the camera again.",
        ) from error
    if bundle != bundle_digest(models_dir):
        raise CameraRefused(
            f"{path} was measured with other liveness models.",
            expected="a calibration by the models in use.",
            remedy="Calibrate the camera again.",
        )
    return CameraCalibration(shifts, captures)
