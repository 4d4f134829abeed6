"""Presenting a whole folder to the liveness methods, and attacks that are made of its living people."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from faceid.errors import FaceRefused
from faceid.evaluate.made_films import made_films
from faceid.evaluate.presentations import Presented, capture_of, presentations
from faceid.evaluate.progress import Progress
from faceid.frame import from_rgb
from faceid.liveness.attacks.present import present
from faceid.liveness.attacks.species import STILLS, Species
from faceid.liveness.capture import Capture, Look
from faceid.liveness.detector import LivenessDetector
from faceid.liveness.finding import find_face
from faceid.liveness.method import Evidence
from faceid.pipeline import Pipeline
from faceid.quality import SCREEN

MADE = "made_"
"""Prefix of species that were made by code from the living people of the folder."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One presentation and what the methods said.

    Attributes:
        name: path below the folder; for a made attack that of the picture it was made of.
        person: folder below the species' folder, which names the person seen or imitated; None without one.
        species: name of the attack; None for a living person.
        looks: how many looks there were; 0 where the file cannot be read or shows no face.
        evidence: of the methods; empty without looks.
        embedding: of the last look, for recognition; None without a person or a usable face. In memory only.
        made: whether code made what was presented, be it an attack or a film of the living person.
    """

    name: str
    person: str | None
    species: str | None
    looks: int
    evidence: tuple[Evidence, ...]
    embedding: NDArray[np.float32] | None = field(default=None, repr=False)
    made: bool = False


def run_trials(
    root: Path, pipeline: Pipeline, detector: LivenessDetector, *, made: int = 0, films: int = 0, seed: int = 0
) -> list[Trial]:
    """Present every file of a folder, and attacks made of its living stills.

    Args:
        root: holds ``real`` and one folder per species; with ``made`` or ``films``, ``real`` alone will do.
        pipeline: finds faces and embeds those whose person is known.
        detector: the methods.
        made: attacks of every species made of each live still.
        films: films made of each live still: alive, held still, waved and replayed. The stills are then not presented
            themselves, since a film of an attack tells nothing beside a still of a person.
        seed: of what is made.

    Raises:
        FolderRefused: the folder lacks living people, or attacks when none are made.
    """
    files = presentations(root, attacks=made == 0 and films == 0)
    progress, generator = Progress("presentations", len(files)), np.random.default_rng(seed)
    found: list[Trial] = []
    for done, one in enumerate(files):
        progress.at(done)
        capture = capture_of(pipeline.detector, one)
        source = capture is not None and one.species is None and not one.video
        if not (source and films):
            found.append(_trial(one.name, one.species, capture, pipeline, detector))
        if capture is not None and source:
            found += _made(one, capture.still, made, generator, pipeline, detector)
            for _ in range(films):
                for species, film in made_films(capture.still, pipeline.detector, generator):
                    kind = None if species is None else MADE + species
                    found.append(replace(_trial(one.name, kind, film, pipeline, detector), made=True))
    return found


def by_species(trials: Sequence[Trial]) -> dict[str | None, list[Trial]]:
    """Sort trials by species; living people under None, first."""
    sorted_: dict[str | None, list[Trial]] = {None: []}
    for trial in trials:
        sorted_.setdefault(trial.species, []).append(trial)
    return sorted_


def _made(
    one: Presented,
    look: Look,
    count: int,
    generator: np.random.Generator,
    pipeline: Pipeline,
    detector: LivenessDetector,
) -> Iterator[Trial]:
    for _ in range(count):
        for species in STILLS:
            shown = _shown(species, look, generator)
            face = find_face(pipeline.detector, shown)
            capture = None if face is None else Capture((Look(shown, face),))
            yield replace(_trial(one.name, MADE + species.value, capture, pipeline, detector), made=True)


def _shown(species: Species, look: Look, generator: np.random.Generator) -> NDArray[np.uint8]:
    return present(species, look.image, look.face, generator).image


def _trial(
    name: str, species: str | None, capture: Capture | None, pipeline: Pipeline, detector: LivenessDetector
) -> Trial:
    parts = PurePosixPath(name).parts
    person = parts[1] if len(parts) > 2 else None
    if capture is None:
        return Trial(name, person, species, 0, ())
    embedding = None if person is None else _embedding(pipeline, capture.still)
    return Trial(name, person, species, len(capture.looks), detector.evidence(capture), embedding)


def _embedding(pipeline: Pipeline, look: Look) -> NDArray[np.float32] | None:
    try:
        faces = pipeline.faces(from_rgb(look.image), profile=SCREEN)
    except FaceRefused:
        return None
    return faces[0].embedding if faces else None


Judge = Callable[[Trial], tuple[float, bool]]
"""Score and whether the policy passes it."""


def people_of(trials: Sequence[Trial]) -> Mapping[str, list[Trial]]:
    """Sort trials by person; those of nobody are left out."""
    people: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.person is not None:
            people.setdefault(trial.person, []).append(trial)
    return people
