"""Training liveness networks end to end, on so little that it takes seconds: what is planted is learnt and served."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from faceid.align import REFERENCE
from faceid.detect import Face
from faceid.errors import ModelsUnavailable
from faceid.liveness.capture import Look
from faceid.liveness.networks import Kind, load, manifest
from faceid.manifest import digest_of
from faceid.mesh import Mesh
from faceid.training import export
from faceid.training.export import ParityError, exported
from faceid.training.fitting import Plan, fit
from faceid.training.liveness import Material
from faceid.training.liveness_frames import Living
from faceid.training.liveness_networks import train_networks
from faceid.training.network_material import train_networks_on
from faceid.training.presentations import Sample
from faceid.training.tensorflow import keras, seed_everything, tf

pytestmark = pytest.mark.training

LANDMARKS = (REFERENCE * 1.2 + 10).astype(np.float32)
FACE = Face(np.array([30, 20, 96, 116], dtype=np.float32), 0.95, LANDMARKS)
QUICK = {Kind.PATCH: Plan(epochs=2, batch=32, rate=5e-3), Kind.DEPTH: Plan(epochs=4, batch=8, rate=1e-2)}


class _Dome:
    """Dense landmarks of a head that is a dome, so that training needs no downloaded network."""

    def points(self, image: Any, face: Face) -> Mesh:
        grid = np.linspace(-1, 1, 12)
        x, y = (values.ravel() for values in np.meshgrid(grid, grid))
        inside = x**2 + y**2 < 1
        middle, reach = face.landmarks.mean(axis=0), 1.3 * face.eye_distance
        depth = -reach * np.sqrt(1 - x[inside] ** 2 - y[inside] ** 2)
        points = np.column_stack([middle[0] + reach * x[inside], middle[1] + reach * y[inside], depth])
        return Mesh(points.astype(np.float32), 1.0)


def _dome() -> Any:
    return _Dome()


def _frames(people: range, count: int, seed: int) -> Iterator[Sample]:
    """Make living people of smooth light, and prints of them with a screen of fine stripes."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:160, :160]
    for index in range(count):
        light = np.exp(-((columns - 80) ** 2 + (rows - 80) ** 2) / 4000.0)
        image = 60 + 120 * light[..., None] * generator.uniform(0.7, 1.0, 3) + generator.normal(0, 3, (160, 160, 3))
        attack = index % 2 == 1
        if attack:
            image += 40 * np.sin(columns * 2.1 + generator.uniform(0, 6))[..., None]
        look = Look(np.clip(image, 0, 255).astype(np.uint8), FACE)
        yield Sample(look, people[index // 2 % len(people)], "print" if attack else None)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out, surface = tmp_path_factory.mktemp("networks"), _dome()
    held = list(_frames(range(6, 9), 16, 2))
    train_networks(_frames(range(6), 48, 1), held, out, surface=surface, seed=3, varied=1, plans=QUICK)
    return out


def test_networks_tell_unseen_people_from_planted_attacks(trained: Path) -> None:
    fresh = list(_frames(range(20, 24), 16, 9))

    for method in load(trained):
        scores = {live: [] for live in (True, False)}
        for sample in fresh:
            evidence = method.judge(sample.capture)
            assert evidence is not None
            scores[sample.live].append(evidence.score)
        assert np.mean(np.array(scores[True])[:, None] > np.array(scores[False])) >= 0.9, method.name


def test_the_manifest_counts_people_and_frames(trained: Path) -> None:
    entries = manifest(trained)

    assert [entry.kind for entry in entries] == [Kind.PATCH, Kind.DEPTH]
    for entry in entries:
        assert entry.people == (6, 3)
        assert entry.presentations == (48, 16)
        assert entry.attacks == "made"
        assert entry.seed == 3
        assert entry.sha256 == digest_of(trained / entry.file)


def test_an_altered_network_is_refused(trained: Path, tmp_path: Path) -> None:
    for path in trained.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with (tmp_path / "patch_network.onnx").open("ab") as file:
        file.write(b"\0")

    with pytest.raises(ModelsUnavailable, match=r"patch_network\.onnx"):
        load(tmp_path)


def test_the_same_seed_gives_the_same_network(tmp_path: Path) -> None:
    surface = _dome()
    rows = np.random.default_rng(0).uniform(0, 255, (3, 48, 48, 3)).astype(np.float32)
    answers = []
    for name in ("one", "other"):
        train, held = _frames(range(3), 6, 1), list(_frames(range(3, 5), 4, 2))
        plans = {Kind.PATCH: Plan(epochs=1, batch=18)}
        train_networks(train, held, tmp_path / name, surface=surface, seed=4, varied=1, plans=plans)
        session = onnxruntime.InferenceSession(tmp_path / name / "patch_network.onnx")
        answers.append(session.run(None, {"patches": rows})[0])

    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)


def test_a_person_on_both_sides_is_refused(tmp_path: Path) -> None:
    surface = _dome()

    with pytest.raises(ValueError, match=r"People \[1\] are both"):
        train_networks(_frames(range(2), 4, 1), list(_frames(range(1, 3), 4, 2)), tmp_path / "out", surface=surface)

    assert not (tmp_path / "out").exists()


def test_a_side_without_attacks_is_refused(tmp_path: Path) -> None:
    surface = _dome()
    living = [sample for sample in _frames(range(5, 7), 8, 2) if sample.live]

    with pytest.raises(ValueError, match="held out need both"):
        train_networks(_frames(range(2), 4, 1), living, tmp_path, surface=surface)


def test_one_source_alone_cannot_train_networks(tmp_path: Path) -> None:
    surface = _dome()
    source = list(_frames(range(-1, 0), 4, 1))

    with pytest.raises(ValueError, match="two sources"):
        train_networks_on(Material((), ((source, source),)), tmp_path, surface=surface)


def test_the_people_of_the_fusion_are_unknown_to_the_networks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from faceid.training import liveness, network_material

    seen: dict[str, set[int]] = {}

    def watch(train: Any, held: Any, out: Path, **rest: Any) -> tuple[()]:
        seen["train"], seen["held"] = ({sample.person for sample in side} for side in (train, held))
        return ()

    monkeypatch.setattr(network_material, "train_networks", watch)
    monkeypatch.setattr(network_material, "made", lambda living, count, generator, side: _imitated(living))
    living = [Living(person, np.zeros((160, 160, 3), dtype=np.uint8), FACE) for person in range(20)]
    surface = _dome()

    train_networks_on(Material(living), tmp_path, surface=surface, seed=5)

    _, fusion = liveness.without(range(20), share=liveness.HELD_SHARE, seed=5)
    assert not fusion & (seen["train"] | seen["held"])
    assert not seen["train"] & seen["held"]
    assert fusion | seen["train"] | seen["held"] == set(range(20))


def _imitated(living: list[Living]) -> Iterator[Sample]:
    for one in living:
        yield Sample(Look(one.image, one.face), one.person, None)


def test_the_best_epoch_is_kept() -> None:
    seed_everything(0)
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)], name="tiny")
    qualities, weights = iter([0.5, 0.9, 0.6, 0.7]), []

    def quality() -> float:
        weights.append(model.get_weights()[0].copy())
        return next(qualities)

    epoch = fit(
        model,
        np.random.default_rng(0).integers(0, 255, (8, 4, 4, 3)).astype(np.uint8),
        np.ones((8, 1), dtype=np.float32),
        np.ones(8, dtype=np.float32),
        loss=lambda targets, answers: tf.square(targets - answers)[:, 0],
        plan=Plan(epochs=9, batch=4, patience=2),
        quality=quality,
        say=lambda line: None,
    )

    assert epoch == 2
    assert len(weights) == 4
    np.testing.assert_array_equal(model.get_weights()[0], weights[1])


def test_an_export_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    seed_everything(0)
    pixels = keras.Input((8, 8, 3), name="patches")
    model = keras.Model(pixels, keras.layers.Dense(1)(keras.layers.Flatten()(pixels)), name="patches")
    rows = np.random.default_rng(0).uniform(0, 255, (5, 8, 8, 3)).astype(np.float32)
    content = exported(model, rows)
    assert content

    model.set_weights([weights + 1.0 for weights in model.get_weights()])
    with pytest.raises(ParityError, match="its answers differ"):
        export._prove(model, content, "patches", rows)
    with pytest.raises(ParityError, match="does not run"):
        export._prove(model, b"nothing", "patches", rows)
