"""Texture in space and time: the planes, the machine on disk, and what it learns of made films."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.detect import Face
from faceid.errors import ModelsUnavailable
from faceid.evaluate.liveness import area
from faceid.liveness.capture import Capture, Look
from faceid.liveness.dynamics import FILE, LENGTH, MANIFEST, Dynamics, described, three_planes
from faceid.liveness.sitter import Sitter
from faceid.liveness.videos import live, replayed, still, waved
from faceid.pipeline import Pipeline
from faceid.training.dynamics import Fitted, train_dynamics
from faceid.training.photographs import Photograph, photographs

LEARNT = 4
UNSEEN = ("obama", "biden", "astronaut")
SECONDS, RATE = 2.5, 10.0


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, carriers_dir: Path, pipeline: Pipeline) -> tuple[Path, Fitted]:
    """Films of four people, none of whom is in the films that are judged, and the machine fitted on them."""
    out = tmp_path_factory.mktemp("liveness")
    by_person = {one.person: one for one in islice(photographs(carriers_dir), 2 * LEARNT)}
    return out, train_dynamics(list(by_person.values())[:LEARNT], pipeline.detector, out)


def test_a_still_film_has_flat_planes_of_time() -> None:
    frame = np.random.default_rng(3).integers(0, 256, size=(1, 20, 24), dtype=np.uint8)

    numbers = three_planes(np.repeat(frame, 12, axis=0))

    assert numbers.shape == (LENGTH,)
    assert np.allclose((numbers.reshape(3, -1) ** 2).sum(axis=1), 1.0, atol=1e-5)
    moving = three_planes(np.random.default_rng(4).integers(0, 256, size=(12, 20, 24), dtype=np.uint8))
    assert np.abs(moving - numbers)[59:].max() > 0.1


def _films(image: NDArray[np.uint8], pipeline: Pipeline, seed: int) -> dict[str, Capture]:
    side = min(image.shape[:2])
    small = np.asarray(cv2.resize(image[:side, :side], (240, 240), interpolation=cv2.INTER_AREA), np.uint8)
    person = live(Sitter.of(small, pipeline.detector.faces(small)[0].landmarks), seconds=SECONDS, rate=RATE, seed=seed)
    films = {
        "live": person,
        "still": still(small, seconds=SECONDS, rate=RATE, seed=seed),
        "waved": waved(small, seconds=SECONDS, rate=RATE, seed=seed),
        "replayed": replayed(person, seed=seed),
    }
    return {species: film.capture(pipeline.detector) for species, film in films.items()}


def test_people_who_were_not_learnt_are_told_from_attacks_with_their_pictures(
    trained: tuple[Path, Fitted], picture: Callable[[str], NDArray[np.uint8]], pipeline: Pipeline
) -> None:
    dynamics = Dynamics.load(trained[0])
    assert dynamics is not None
    scores: dict[str, list[float]] = {}
    for seed, name in enumerate(UNSEEN):
        for species, capture in _films(np.array(picture(name)), pipeline, seed).items():
            found = dynamics.judge(capture)
            assert found is not None
            scores.setdefault(species, []).append(found.score)

    living = np.array(scores.pop("live"))
    areas = {species: area(living, np.array(theirs)) for species, theirs in scores.items()}

    assert set(areas) == {"still", "waved", "replayed"}
    assert min(areas.values()) >= 0.9, areas


def test_training_says_what_it_used_and_holds_people_out(trained: tuple[Path, Fitted]) -> None:
    assert trained[1].people == 4
    assert trained[1].films == 16
    assert set(trained[1].held_out) == {"replayed", "still", "waved"}
    assert min(one.value for one in trained[1].held_out.values()) >= 0.9
    assert all(one.low < one.value for one in trained[1].held_out.values())


def test_three_people_are_too_few(
    picture: Callable[[str], NDArray[np.uint8]], pipeline: Pipeline, tmp_path: Path
) -> None:
    same = [Photograph(0, "obama", np.array(picture("obama")))]

    with pytest.raises(ValueError, match="four people"):
        train_dynamics(same, pipeline.detector, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_what_was_not_trained_is_absent_and_what_is_damaged_is_refused(
    trained: tuple[Path, Fitted], tmp_path: Path
) -> None:
    assert Dynamics.load(tmp_path) is None
    (tmp_path / MANIFEST).write_bytes((trained[0] / MANIFEST).read_bytes())
    (tmp_path / FILE).write_bytes((trained[0] / FILE).read_bytes()[:-9])

    with pytest.raises(ModelsUnavailable):
        Dynamics.load(tmp_path)


def test_too_short_or_too_slow_a_film_is_not_described() -> None:
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    face = Face(np.array([8, 8, 48, 48], np.float32), 0.9, np.array(
        [[20, 24], [44, 24], [32, 34], [24, 46], [40, 46]], np.float32
    ))  # fmt: skip
    looks = tuple(Look(image, face, number / 10) for number in range(20))
    flat = Face(face.box, 0.9, np.zeros((5, 2), np.float32))

    assert described(Capture(looks)) is not None
    assert described(Capture(looks[:10])) is None
    assert described(Capture(tuple(Look(image, face, float(number)) for number in range(20)))) is None
    assert described(Capture(tuple(Look(image, flat, look.at) for look in looks))) is None
