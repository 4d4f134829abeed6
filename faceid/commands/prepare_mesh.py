"""Convert the published networks for dense landmarks and write them with a manifest."""

import argparse
from pathlib import Path

from faceid.prepare_mesh import prepare_mesh

NAME = "prepare-mesh"
HELP = "convert the published networks for dense landmarks and write them with a manifest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--source", type=Path, required=True, help="directory of the unpacked model package")
    parser.add_argument("--out", type=Path, required=True, help="models directory to write")


def run(options: argparse.Namespace) -> int:
    """Write the models and list them."""
    from faceid.training.tflite import onnx_of  # TensorFlow is not where nobody prepares models

    for model in prepare_mesh(options.source, options.out, onnx_of).files:
        print(f"{model.file}  {model.size:>10,} bytes  {model.name}, {model.weights_licence}")
    return 0
