"""Every objective and every backbone passes the same tests, on drawn faces whose people differ in plain sight."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.__main__ import main
from faceid.errors import ContractMismatch
from faceid.pipeline import Pipeline
from faceid.training.recognition import objective as objectives
from faceid.training.recognition.artefact import Origin, written
from faceid.training.recognition.backbone import Backbone, build
from faceid.training.recognition.batches import augmented, batches, plain
from faceid.training.recognition.fit import Settings, embedded, fit
from faceid.training.recognition.held_out import measured
from faceid.training.recognition.objective import Objective
from faceid.training.recognition.people import People, TooFewPeople
from faceid.training.tensorflow import tf

QUICK = {"side": 28, "width": 4, "dimension": 16, "epochs": 8, "persons": 8, "pictures": 3, "rate": 5e-3}


def drawn_people(count: int, pictures: int, *, seed: int = 0) -> People:
    """Draw discs for heads and eyes: a person is a pair of colours and a place of the eyes, a picture adds noise."""
    random = np.random.default_rng(seed)
    crops, labels = [], []
    for label in range(count):
        skin, eyes = random.integers(40, 215, size=(2, 3)).tolist()
        apart = int(random.integers(10, 30))
        for _ in range(pictures):
            crop = np.full((112, 112, 3), 127, dtype=np.uint8)
            cv2.circle(crop, (56, 56), 48, skin, -1)
            for side in (-apart, apart):
                cv2.circle(crop, (56 + side, 45), 9, eyes, -1)
            crops.append(np.clip(crop + random.normal(0, 6, crop.shape), 0, 255).astype(np.uint8))
            labels.append(label)
    return People(np.stack(crops), np.array(labels, dtype=np.int64), tuple(f"p{number}" for number in range(count)))


@pytest.fixture(scope="module")
def split() -> tuple[People, People]:
    return drawn_people(28, 4).held_out(0.3, seed=1)


@pytest.mark.parametrize("objective", list(Objective))
def test_every_objective_learns_to_tell_new_people_apart(split: tuple[People, People], objective: Objective):
    learners, held_out = split
    epochs: list[int] = []

    trained = fit(
        learners, held_out, Settings(Backbone.RESIDUAL, objective, **QUICK),  # type: ignore[arg-type]
        progress=lambda epoch, loss, found: epochs.append(epoch),
    )  # fmt: skip

    assert trained.best.people == 8
    assert trained.best.equal_error_rate < 0.25
    assert trained.best.separation > 0.2
    assert trained.best.rank_one > 0.5
    assert epochs == list(range(1, len(trained.losses) + 1))


@pytest.mark.parametrize("backbone", list(Backbone))
def test_every_backbone_gives_unit_vectors_exports_and_plugs_in(
    split: tuple[People, People], backbone: Backbone, models_dir: Path, tmp_path: Path
):
    learners, held_out = split
    settings = Settings(backbone, Objective.SOFTMAX, **(QUICK | {"epochs": 1}))  # type: ignore[arg-type]
    trained = fit(learners, held_out, settings, progress=lambda *_: None)

    manifest = written(
        trained, settings, held_out, models=models_dir, out=tmp_path, origin=Origin("own", "drawn discs", "CC0-1.0")
    )

    ours, theirs = Pipeline.load(tmp_path), Pipeline.load(models_dir)
    vectors = ours.embedder.embed(list(held_out.crops[:5]))
    assert manifest.dimension == 16
    assert manifest.recogniser.model.training_data == "drawn discs"
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors == pytest.approx(embedded(trained.network, held_out.crops[:5]), abs=1e-4)
    with pytest.raises(ContractMismatch):
        theirs.contract().require(ours.contract().id)


def test_the_same_seed_learns_the_same_network(split: tuple[People, People]):
    settings = Settings(Backbone.SEPARABLE, Objective.CONTRASTIVE, **(QUICK | {"epochs": 2}))  # type: ignore[arg-type]

    first, again = (fit(*split, settings, progress=lambda *_: None) for _ in range(2))

    assert first.losses == again.losses
    assert (embedded(first.network, split[1].crops) == embedded(again.network, split[1].crops)).all()


def test_nobody_is_on_both_sides_of_a_split():
    people = drawn_people(10, 3)

    learners, held_out = people.held_out(0.3, seed=4)

    assert (len(learners.names), len(held_out.names)) == (7, 3)
    assert not set(learners.names) & set(held_out.names)
    assert sorted({*learners.names, *held_out.names}) == sorted(people.names)


def test_too_few_people_or_pictures_are_refused():
    with pytest.raises(TooFewPeople, match="3 people"):
        drawn_people(3, 3).held_out(0.5, seed=0)
    with pytest.raises(TooFewPeople, match="two usable pictures"):
        drawn_people(6, 1).held_out(0.5, seed=0)


def test_an_epoch_shows_every_person_once_with_likes_of_single_pictures():
    people = drawn_people(9, 1)

    shown = list(batches(people, persons=3, pictures=2, random=np.random.default_rng(0)))

    assert [pixels.shape for pixels, _ in shown] == [(6, 3, 112, 112)] * 3
    assert sorted(np.concatenate([labels for _, labels in shown])) == sorted([*range(9), *range(9)])


def test_augmentation_keeps_the_shape_and_is_repeatable():
    crop = drawn_people(1, 1).crops[0]

    first, again = (augmented(crop, np.random.default_rng(3)) for _ in range(2))

    assert first.shape == crop.shape
    assert (first == again).all()
    assert (first != crop).any()


def vectors(*rows: tuple[float, float]) -> NDArray[np.float32]:
    return np.array(rows, dtype=np.float32)


def test_contrastive_loss_pulls_likes_and_pushes_unlikes_up_to_the_margin():
    labels = tf.constant([0, 0, 1])

    far = float(objectives.contrastive(tf.constant(vectors((1, 0), (1, 0), (-1, 0))), labels))
    near = float(objectives.contrastive(tf.constant(vectors((1, 0), (0, 1), (0, 1))), labels))

    assert far == pytest.approx(0, abs=1e-5)
    # likes are sqrt(2) apart: 2; unlike pairs are sqrt(2) and 0 apart: (0 + 1) / 2; both halves weigh the same
    assert near == pytest.approx((2 + 0.5) / 2, abs=1e-5)


def test_semihard_triplets_take_the_nearest_negative_beyond_the_positive():
    embeddings, labels = vectors((1, 0), (0.6, 0.8), (0, 1), (-1, 0)), tf.constant([0, 0, 1, 2])

    loss = float(objectives.triplet_semihard(tf.constant(embeddings), labels))

    # anchor 0: positive at .8, negatives at 2 and 4 -> 2; anchor 1: positive at .8, negatives at .4 and 3.2 -> 3.2
    assert loss == pytest.approx(0.0, abs=1e-5)
    # with nobody farther than the positive the farthest negative stands in: anchor 1 against 0, .8 - .4 + .2
    alone = float(objectives.triplet_semihard(tf.constant(embeddings[:3]), tf.constant([0, 0, 1])))
    assert alone == pytest.approx((0.0 + 0.6) / 2, abs=1e-5)


def test_hard_triplets_compare_the_farthest_like_with_the_nearest_unlike():
    embeddings = vectors((1, 0), (0, 1), (-1, 0), (0, -1))

    loss = float(objectives.triplet_hard(tf.constant(embeddings), tf.constant([0, 0, 1, 1])))

    assert loss == pytest.approx(np.log(2), abs=1e-5)  # every like and every nearest unlike is sqrt(2) away


def test_the_angular_margin_makes_the_own_class_harder_everywhere():
    cosines = np.linspace(-1, 1, 41, dtype=np.float32)
    both = tf.constant(np.stack([cosines, np.zeros_like(cosines)], axis=1))
    labels = tf.zeros(41, dtype=tf.int32)

    losses = [
        [float(objectives.arcface(both[row : row + 1], labels[row : row + 1], margin)) for row in range(41)]
        for margin in (0.0, 0.5)
    ]

    plain_losses = [float(objectives.softmax(both[row : row + 1], labels[row : row + 1])) for row in range(41)]
    assert losses[0] == pytest.approx(plain_losses, abs=1e-3)
    # beyond scale the smoothed labels punish certainty, so compare where the own class is not yet won
    assert all(hard > easy for easy, hard in zip(*losses, strict=True) if easy > 3)
    assert losses[1] == sorted(losses[1], reverse=True) or max(np.diff(losses[1][:20])) <= 1e-3


def test_figures_of_held_out_people_are_exact_on_a_known_case():
    embeddings = vectors((1, 0), (0.8, 0.6), (0, 1), (-0.6, 0.8))

    found = measured(embeddings, np.array([0, 0, 1, 1]))

    assert found.equal_error_rate == 0.0
    assert found.rank_one == 1.0
    assert found.separation == pytest.approx(0.8 - (0 - 0.6 + 0.6 + 0.0) / 4, abs=1e-6)


def test_the_network_takes_pixels_as_the_pipeline_gives_them():
    network = build(Backbone.VGG, dimension=8, width=2, side=28)

    assert network.input_shape == (None, 3, 112, 112)
    assert plain(np.zeros((2, 112, 112, 3), dtype=np.uint8)).shape == (2, 3, 112, 112)
    with pytest.raises(ValueError, match="side"):
        build(Backbone.VGG, dimension=8, width=2, side=40)


class TestCommand:
    def test_a_folder_that_is_not_one_person_per_folder_is_refused_and_nothing_is_written(
        self, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        (tmp_path / "faces").mkdir()
        (tmp_path / "faces" / "one.jpg").write_bytes(b"x")
        out = tmp_path / "out"

        status = main(["train", str(tmp_path / "faces"), "--out", str(out), "--models", str(models_dir)])

        assert status == 1
        assert "one folder per person" in capsys.readouterr().err
        assert not out.exists()

    def test_it_trains_on_photographs_and_prints_the_figures_of_people_it_never_saw(
        self, models_dir: Path, picture_file, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        people = {
            "biden": ["biden"], "obama": ["obama", "obama2", "obama3"], "astronaut": ["astronaut"],
            "mirrored": ["obama"], "darker": ["biden"],
        }  # fmt: skip
        for person, pictures in people.items():
            (tmp_path / "faces" / person).mkdir(parents=True)
            for number, name in enumerate(pictures * 2):
                (tmp_path / "faces" / person / f"{number}.jpg").write_bytes(picture_file(name))
        out = tmp_path / "out"

        status = main([
            "train", str(tmp_path / "faces"), "--out", str(out), "--models", str(models_dir), "--side", "28",
            "--width", "2", "--dimension", "8", "--epochs", "1", "--held-out", "0.4", "--name", "small",
            "--training-data", "portraits of package face_recognition",
        ])  # fmt: skip

        report = json.loads(capsys.readouterr().out)
        assert status == 0
        assert report["held_out"]["people"] == 2
        assert report["learners"]["people"] == 3
        assert Pipeline.load(out).manifest.recogniser.model.file == "small.onnx"
        assert Pipeline.load(out).manifest.recogniser.model.sha256 == report["sha256"]
