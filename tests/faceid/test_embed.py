from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.align import align
from faceid.match import THRESHOLD_DEFAULT, cosine
from faceid.pipeline import Pipeline

Picture = NDArray[np.uint8]
Embed = Callable[[str], NDArray[np.float32]]


@pytest.fixture(scope="module")
def embedding(pipeline: Pipeline, picture: Callable[[str], Picture]) -> Embed:
    def of(name: str) -> NDArray[np.float32]:
        image = picture(name)
        return pipeline.embedder.embed([align(image, pipeline.detector.faces(image)[0].landmarks)])[0]

    return of


@pytest.mark.parametrize("name", ["biden", "obama", "obama2", "obama3", "astronaut"])
def test_the_repaired_recogniser_agrees_with_opencv(
    pipeline: Pipeline, published_models: Path, picture: Callable[[str], Picture], embedding: Embed, name: str
):
    image = picture(name)
    face = pipeline.detector.faces(image)[0]
    row = np.concatenate([face.box, face.landmarks.ravel(), [face.score]]).astype(np.float32)
    reference = cv2.FaceRecognizerSF.create(str(published_models / "face_recognition_sface_2021dec_int8bq.onnx"), "")
    feature = reference.feature(reference.alignCrop(np.ascontiguousarray(image[..., ::-1]), row))[0]

    assert float(embedding(name) @ (feature / np.linalg.norm(feature))) >= 0.999


@pytest.mark.parametrize(("first", "second"), [("obama", "obama2"), ("obama", "obama3"), ("obama2", "obama3")])
def test_pictures_of_one_person_are_near(embedding: Embed, first: str, second: str):
    assert float(cosine(embedding(first), embedding(second))) > THRESHOLD_DEFAULT


@pytest.mark.parametrize(("first", "second"), [("obama", "biden"), ("obama3", "astronaut"), ("biden", "astronaut")])
def test_pictures_of_different_people_are_far(embedding: Embed, first: str, second: str):
    assert float(cosine(embedding(first), embedding(second))) < 0.3


def test_a_batch_gives_what_single_runs_give(pipeline: Pipeline, picture: Callable[[str], Picture]):
    images = [picture(name) for name in ("biden", "obama", "astronaut")]
    crops = [align(image, pipeline.detector.faces(image)[0].landmarks) for image in images]

    batch = pipeline.embedder.embed(crops)

    assert (batch.shape, batch.dtype) == ((3, 128), np.float32)
    np.testing.assert_allclose(np.linalg.norm(batch, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(batch, np.concatenate([pipeline.embedder.embed([crop]) for crop in crops]), atol=1e-5)


def test_no_crops_give_no_embeddings(pipeline: Pipeline):
    assert pipeline.embedder.embed([]).shape == (0, 128)
