"""Fitting the method for films on made films: people, stills, waved prints and replays of the same photographs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import Detector
from faceid.evaluate.intervals import Estimate, area_estimate
from faceid.evaluate.liveness import area
from faceid.files import write_whole
from faceid.liveness.capture import Capture, Look
from faceid.liveness.dynamics import FILE, MANIFEST, described
from faceid.liveness.machine import Machine
from faceid.liveness.sitter import Sitter
from faceid.liveness.videos import Film, live, replayed, still, waved
from faceid.manifest import ModelFile
from faceid.optional import OptionalModels
from faceid.training.liveness_machines import fit_machine
from faceid.training.photographs import Photograph, without
from faceid.training.platt import fit_line

SIDE = 240
"""Larger side of the films, pixels: a face of a viewer at a screen."""

SECONDS, RATE = 2.5, 10.0
HELD_SHARE = 0.3
EVERY = 5
"""Looks in which the face is searched; it hardly moves between."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a training.

    Attributes:
        people, films: how many were used.
        held_out: area under the receiver operating curve on people held out, by species, with intervals that take every
            film as independent. The line to log-odds is fitted on the same people; no area depends on it.
    """

    people: int
    films: int
    held_out: dict[str, Estimate]


def train_dynamics(
    photographs: Iterable[Photograph],
    detector: Detector,
    out: Path,
    *,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Fitted:
    """Film every photograph, fit a machine on most people, and its line to log-odds on the others.

    Args:
        photographs: of living people, at least four.
        detector: finds the faces.
        out: the ``liveness`` directory of a models directory; made if need be.
        seed: of films and split.
        say: hears what is going on.

    Raises:
        ValueError: too few people.
    """
    rows = [row for one in photographs for row in _rows(one, detector, seed, say)]
    people = np.array([person for person, _, _ in rows])
    species = np.array([kind for _, kind, _ in rows])
    if len(set(people.tolist())) < 4:
        raise ValueError("Films of at least four people are needed.")
    features = np.stack([numbers for _, _, numbers in rows])
    training, _ = without(people.tolist(), share=HELD_SHARE, seed=seed)
    train = np.isin(people, sorted(training))
    machine = _fitted(features, species == "live", _balanced(species), train, seed)
    _save(machine, out)
    scores = machine.log_odds(features)
    held = {
        str(kind): _separation(scores[~train & (species == "live")], scores[~train & (species == kind)])
        for kind in sorted(set(species.tolist()) - {"live"})
    }
    return Fitted(len(set(people.tolist())), len(rows), held)


Row = tuple[int, str, NDArray[np.float32]]


def _rows(one: Photograph, detector: Detector, seed: int, say: Callable[[str], None]) -> Iterator[Row]:
    scale = min(1.0, SIDE / max(one.image.shape[:2]))
    size = (round(one.image.shape[1] * scale), round(one.image.shape[0] * scale))
    image = np.asarray(cv2.resize(np.asarray(one.image), size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    faces = detector.faces(image)
    if not faces:
        return
    say(f"{one.file}: four films")
    rng = np.random.default_rng([seed, one.person])
    person = live(Sitter.of(image, faces[0].landmarks), seconds=SECONDS, rate=RATE, seed=int(rng.integers(2**31)))
    films = {
        "live": person,
        "still": still(image, seconds=SECONDS, rate=RATE, seed=int(rng.integers(2**31))),
        "waved": waved(
            image, seconds=SECONDS, rate=RATE, vigour=float(rng.uniform(0.2, 1.2)), seed=int(rng.integers(2**31))
        ),
        "replayed": replayed(person, seed=int(rng.integers(2**31))),
    }
    for species, film in films.items():
        numbers = described(_capture(film, detector))
        if numbers is not None:
            yield one.person, species, numbers


def _capture(film: Film, detector: Detector) -> Capture:
    """Search the face in some looks and take it to stay there for the next."""
    looks: list[Look] = []
    face = None
    for number, (image, at) in enumerate(zip(film.frames, film.times, strict=True)):
        if number % EVERY == 0 or face is None:
            found = detector.faces(image)
            face = found[0] if found else face
        if face is not None:
            looks.append(Look(image, face, at))
    return Capture(tuple(looks) or (Look(film.frames[0], detector.faces(film.frames[0])[0]),))


def _balanced(species: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weigh people and attacks alike, and the species of attack alike."""
    kinds, counts = np.unique(species, return_counts=True)
    share = {
        kind: (1.0 if kind == "live" else 1.0 / (len(kinds) - 1)) / count
        for kind, count in zip(kinds, counts, strict=True)
    }
    return np.array([share[kind] for kind in species])


def _fitted(
    features: NDArray[np.float32],
    living: NDArray[np.bool_],
    weights: NDArray[np.float64],
    train: NDArray[np.bool_],
    seed: int,
) -> Machine:
    raw = fit_machine(features[train], living[train], weights[train], seed=seed)
    slope, intercept = fit_line(raw.decide(features[~train]), living[~train], weights[~train])
    return Machine(raw.mean, raw.projection, raw.vectors, raw.coefficients, raw.width, raw.offset, slope, intercept)


def _separation(living: NDArray[np.float64], attacks: NDArray[np.float64]) -> Estimate:
    return area_estimate(area(living, attacks), len(living), len(attacks))


def _save(machine: Machine, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    data = machine.to_bytes()
    write_whole(out / FILE, data)
    file = ModelFile(
        file=FILE, sha256=sha256(data).hexdigest(), size=len(data), name="LBP-TOP machine", weights_licence="own",
        training_data="films made of photographs", purpose="liveness of films",
        source="python -m faceid train-dynamics", code_licence="own",
    )  # fmt: skip
    OptionalModels((file,), "python -m faceid train-dynamics", "own").save(out, MANIFEST)
