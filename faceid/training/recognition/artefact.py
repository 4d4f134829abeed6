"""A directory of models with one's own recogniser in it, ready to be plugged in."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import onnxruntime

from faceid.files import write_whole
from faceid.manifest import FILE_NAME, Colour, Input, Manifest, ModelFile, Normalisation, RecogniserModel
from faceid.pipeline import Pipeline
from faceid.training.export import exported
from faceid.training.recognition.backbone import INPUT
from faceid.training.recognition.batches import plain
from faceid.training.recognition.fit import Settings, Trained
from faceid.training.recognition.people import People

_PROVEN_ON = 32


@dataclass(frozen=True, slots=True)
class Origin:
    """What the manifest shall say about the network, for whoever is asked where it comes from.

    Attributes:
        name: what it is called.
        training_data: whose faces it was trained on, and by what right.
        weights_licence: SPDX id, or ``not stated``.
    """

    name: str
    training_data: str
    weights_licence: str


def written(
    trained: Trained, settings: Settings, faces: People, *, models: Path, out: Path, origin: Origin
) -> Manifest:
    """Export the network and write it with the detector of ``models`` and a manifest.

    Args:
        faces: real faces to compare network and file on.
        models: directory whose detector is used.
        out: directory to write; made if need be. The manifest comes last, so a reader sees the old one or the new.

    Raises:
        ParityError: the exported file does not compute what the network does.
        ModelsUnavailable: ``models`` is not usable, or what was written cannot be loaded.
    """
    detector = Manifest.load(models).detector
    content = exported(trained.network, plain(faces.crops[:_PROVEN_ON]))
    out.mkdir(parents=True, exist_ok=True)
    model = ModelFile(
        file=f"{origin.name}.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        name=f"{origin.name}: {settings.backbone} network, {settings.objective}, seed {settings.seed}",
        weights_licence=origin.weights_licence,
        training_data=origin.training_data,
        purpose="embedding of aligned faces",
        source="python -m faceid train",
    )
    recogniser = RecogniserModel(
        model=model,
        input=Input(INPUT, Colour.RGB),
        output=_output_of(content),
        dimension=settings.dimension,
        normalisation=Normalisation.NETWORK,
    )
    write_whole(out / detector.model.file, (models / detector.model.file).read_bytes())
    write_whole(out / model.file, content)
    manifest = replace(Manifest.load(models), recogniser=recogniser)
    write_whole(out / FILE_NAME, manifest.to_json().encode())
    return Pipeline.load(out).manifest


def _output_of(content: bytes) -> str:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return str(session.get_outputs()[0].name)
