"""Many people: runs where the evaluation photographs lie beside the project, and collects nothing elsewhere."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.image import decode
from faceid.match import THRESHOLD_LENIENT, THRESHOLD_STRICT, cosine
from faceid.pipeline import Pipeline

FACES = Path(__file__).resolve().parents[3] / "shared" / "data" / "faces" / "lfw_dev"
PEOPLE = 40


def people() -> list[tuple[Path, Path]]:
    """List two photographs of each of some people, in a fixed order."""
    albums = [sorted(folder.glob("*.jpg")) for folder in sorted(FACES.glob("*/"))]
    return [(album[0], album[1]) for album in albums if len(album) > 1][:PEOPLE]


def embeddings(pipeline: Pipeline, paths: list[Path]) -> NDArray[np.float32]:
    """Embed the person in the middle of each photograph; shape (paths, 128)."""
    vectors = []
    for path in paths:
        faces = [one for one in pipeline.faces(decode(path.read_bytes())) if one.embedding is not None]
        central = min(faces, key=lambda one: float(np.abs(one.face.box[:2] + one.face.box[2:] / 2 - 125).sum()))
        assert central.embedding is not None
        vectors.append(central.embedding)
    return np.stack(vectors)


if len(people()) == PEOPLE:

    @pytest.fixture(scope="module")
    def scores(pipeline: Pipeline) -> NDArray[np.float32]:
        """Compare every first photograph (rows) with every second one (columns)."""
        firsts, seconds = zip(*people(), strict=True)
        return cosine(embeddings(pipeline, list(firsts)), embeddings(pipeline, list(seconds)))

    def test_nearly_everybody_is_recognised_in_a_second_photograph(scores: NDArray[np.float32]):
        assert (scores.diagonal() >= THRESHOLD_LENIENT).mean() >= 0.95

    def test_nobody_is_taken_for_somebody_else(scores: NDArray[np.float32]):
        strangers = scores[~np.eye(PEOPLE, dtype=bool)]

        assert (strangers >= THRESHOLD_LENIENT).mean() <= 0.005
        assert (strangers >= THRESHOLD_STRICT).sum() == 0
