from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceid.accuracy import acquired_by_opencv, compare_accuracy
from faceid.evaluate.acquisition import acquire
from faceid.evaluate.errors import TooLittleData
from faceid.evaluate.pairs import Pairs, read
from faceid.frame import Frame, from_rgb
from faceid.match import cosine
from faceid.opencv import OpenCV
from faceid.pipeline import Pipeline

TABLE = """a,b,same,fold
obama.png,obama3.png,1,0
obama.png,biden.png,0,0
obama3.png,biden.png,0,0
biden.png,grey.png,1,0
obama3.png,obama.png,1,1
obama3.png,biden.png,0,1
obama.png,biden.png,0,1
grey.png,broken.png,0,1
"""


@pytest.fixture(scope="module")
def opencv(models_dir: Path) -> OpenCV:
    return OpenCV.load(models_dir / "yunet.onnx", models_dir / "sface.onnx")


@pytest.fixture(scope="module")
def pairs(picture: Callable[[str], Frame], tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """Eight comparisons of five files, two of which show nobody."""
    folder = tmp_path_factory.mktemp("pairs")
    for name in ("obama", "obama3", "biden"):
        small = cv2.resize(np.asarray(picture(name)), None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{name}.png"), small[..., ::-1])
    cv2.imwrite(str(folder / "grey.png"), np.full((64, 64, 3), 127, dtype=np.uint8))
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "pairs.csv").write_text(TABLE)
    return read(folder / "pairs.csv", folder)


def quiet(_: int) -> None:
    """Tell nobody."""


def test_both_are_measured_on_the_same_pairs_and_failures_match_nobody(
    pipeline: Pipeline, opencv: OpenCV, pairs: Pairs
):
    seen = compare_accuracy(pipeline, opencv, pairs, progress=quiet)

    assert (seen.pictures, seen.genuine, seen.impostor, seen.folds) == (5, 3, 5, 2)
    assert (seen.ours_alone, seen.opencv_alone) == (0, 0)
    for one in (seen.ours, seen.opencv):
        assert (one.accuracy.value, one.accuracy.trials) == (pytest.approx(7 / 8), 8)
        assert (one.tar.value, one.tar.trials) == (pytest.approx(2 / 3), 3)
        assert (one.failures.value, one.failures.trials) == (pytest.approx(2 / 5), 5)
        assert all(0.0 <= rate.low < rate.value < rate.high <= 1.0 for rate in (one.accuracy, one.tar, one.failures))


def test_opencv_embeds_the_picture_that_is_meant_as_ours_does(pipeline: Pipeline, opencv: OpenCV, pairs: Pairs):
    paths = list(dict.fromkeys(one.path for pair in pairs.pairs for one in (pair.first, pair.second)))

    ours, theirs = acquire(pipeline, paths), acquired_by_opencv(opencv, paths, progress=quiet)

    assert {path.name: code for path, code in theirs.failures.items()} == {
        "grey.png": "no_face", "broken.png": "not_an_image",
    }  # fmt: skip
    assert ours.failures == theirs.failures
    for path in set(paths) - set(ours.failures):
        assert float(cosine(ours.of([path])[0], theirs.of([path])[0])) > 0.95


def test_pairs_that_one_alone_tells_rightly_are_counted_for_it(
    pipeline: Pipeline, opencv: OpenCV, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
):
    vectors = iter(np.eye(128, dtype=np.float32))
    monkeypatch.setattr(OpenCV, "main", lambda self, frame: next(vectors))  # takes everybody for somebody else

    seen = compare_accuracy(pipeline, opencv, pairs, progress=quiet)

    assert (seen.ours_alone, seen.opencv_alone) == (3, 0)
    assert seen.opencv.accuracy.value == pytest.approx(4 / 8)
    assert seen.opencv.tar.value == 0.0


def test_the_face_in_the_middle_is_meant_and_not_a_larger_one_at_the_rim(
    opencv: OpenCV, picture: Callable[[str], Frame]
):
    astronaut, rim = np.asarray(picture("astronaut")), np.asarray(picture("biden"))
    wide = np.full((512, 1400, 3), 127, dtype=np.uint8)
    wide[:, 450:962] = astronaut
    tall = cv2.resize(rim, (400, 512), interpolation=cv2.INTER_AREA)
    wide[:, 1000:] = tall

    chosen = opencv.main(from_rgb(wide))
    largest = opencv.embeddings(from_rgb(wide), most=1)[0]

    alone = opencv.main(from_rgb(astronaut))
    assert chosen is not None
    assert alone is not None
    assert float(cosine(chosen, alone)) > 0.8
    assert float(cosine(largest, alone)) < 0.4


def test_pairs_without_embeddings_are_refused(pipeline: Pipeline, opencv: OpenCV, pairs: Pairs):
    nobody = Pairs(tuple(pair for pair in pairs.pairs if "grey.png" in (pair.first.name, pair.second.name)), 2, True, 0)

    with pytest.raises(TooLittleData):
        compare_accuracy(pipeline, opencv, nobody, progress=quiet)
