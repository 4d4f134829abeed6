"""Training liveness: machines on people to train with, fusion and thresholds on people held out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceid.liveness.bundle import Bundle
from faceid.liveness.detector import learnt
from faceid.liveness.machine import Machine
from faceid.liveness.method import Evidence
from faceid.liveness.policy import TARGETS, Purpose, Target
from faceid.liveness.stills import DESCRIPTORS, StillMethod, described
from faceid.manifest import NOT_STATED
from faceid.training.liveness_findings import MADE, RECORDED, findings
from faceid.training.liveness_frames import SIDE, Living, made
from faceid.training.liveness_fusion import (
    choose_thresholds,
    expected_error,
    fit_fusion,
    probabilities,
    usual_scores,
)
from faceid.training.liveness_machines import fit_machine, weighed
from faceid.training.photographs import without
from faceid.training.platt import fit_line
from faceid.training.presentations import Sample, balance

COUNT = 2000
"""Frames made from photographs."""

HELD_SHARE = 0.25
"""Share of people, and of frames, that nothing but fusion and thresholds is fitted on."""


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """Samples as the methods see them, frames let go.

    Attributes:
        features: by method, float32, shape (n, features).
        others: per sample, evidence of methods that were trained before.
        species: per sample, None for living people.
        people: per sample, number of the person seen or imitated.
        origin: where the attacks come from: ``made`` or ``recorded``.
    """

    features: Mapping[str, NDArray[np.float32]] = field(repr=False)
    others: Sequence[tuple[Evidence, ...]] = field(repr=False)
    species: tuple[str | None, ...] = ()
    people: tuple[int, ...] = ()
    origin: str = RECORDED

    @property
    def live(self) -> NDArray[np.bool_]:
        """Which samples are living people, shape (n,)."""
        return np.array([one is None for one in self.species])


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What to train on.

    Attributes:
        living: photographs of living people, from which attacks are made; may be empty.
        recordings: per source of recordings, samples to train with and samples held out.
        sources: what the pictures are and under which licence, one a line of the manifest.
    """

    living: Sequence[Living] = ()
    recordings: Sequence[tuple[Sequence[Sample], Sequence[Sample]]] = ()
    sources: Sequence[str] = ()


def train_liveness(
    material: Material,
    out: Path,
    *,
    count: int = COUNT,
    side: int = SIDE,
    seed: int = 0,
    targets: Mapping[Purpose, Target] = TARGETS,
    say: Callable[[str], None] = lambda line: None,
) -> Bundle:
    """Fit the machines, the fusion and the thresholds, and write them.

    Networks that lie in ``out`` already take part in the fusion.

    Args:
        material: photographs, recordings, or both.
        out: directory of the liveness models, made if need be.
        count: frames to make from the photographs.
        side: larger side of made frames, pixels.
        seed: of everything; the same seed, material, machine and versions give the same models.
        targets: what the thresholds keep.
        say: is told what is going on.

    Raises:
        ValueError: too few people, or a part lacks the living or attacks.
        ModelsUnavailable: a network in ``out`` is damaged.
    """
    generator = np.random.default_rng(seed)
    methods = learnt(out)
    train: list[Described] = []
    held: list[Described] = []
    if material.living:
        people = [one.person for one in material.living]
        kept, apart = without(people, share=HELD_SHARE, seed=seed)
        for chosen, into, share in ((kept, train, 1.0 - HELD_SHARE), (apart, held, HELD_SHARE)):
            living = [one for one in material.living if one.person in chosen]
            frames = made(living, round(share * count), generator, side=side)
            into.append(describe(frames, methods if into is held else (), origin=MADE))
            say(f"{len(into[-1].species)} frames made of {len(chosen)} people")
    for taught, tested in material.recordings:
        train.append(describe(taught))
        held.append(describe(tested, methods))
    bundle = _fitted(train, held, seed, targets)
    bundle = replace(bundle, training={**bundle.training, "seed": seed, **_material(material)})
    bundle.save(out)
    return bundle


def describe(samples: Iterable[Sample], methods: Sequence[object] = (), *, origin: str = RECORDED) -> Described:
    """Measure samples one by one; frames are not kept.

    Args:
        samples: frames; at least one.
        methods: methods trained before, asked as well.
        origin: where the attacks among them come from.
    """
    features: dict[str, list[NDArray[np.float32]]] = {name: [] for name in DESCRIPTORS}
    others, species, people = [], [], []
    for sample in samples:
        for name, rows in features.items():
            rows.append(described(name, sample.look))
        answers = (method.judge(sample.capture) for method in methods)  # type: ignore[attr-defined]
        others.append(tuple(answer for answer in answers if answer is not None))
        species.append(sample.species)
        people.append(sample.person)
    stacked = {name: np.stack(rows) for name, rows in features.items()}
    return Described(stacked, others, tuple(species), tuple(people), origin)


def _fitted(
    train: Sequence[Described], held: Sequence[Described], seed: int, targets: Mapping[Purpose, Target]
) -> Bundle:
    stills = tuple(_still(name, train, held, seed) for name in DESCRIPTORS)
    evidence = [
        (*(Evidence(method.name, float(scores[method.name][row])) for method in stills), *part.others[row])
        for part in held
        for scores in [{method.name: method.machine.log_odds(part.features[method.name]) for method in stills}]
        for row in range(len(part.species))
    ]
    species = [one for part in held for one in part.species]
    live, weights = _live(held), _weights(held)
    fusion = fit_fusion(evidence, live, weights, seed=seed)
    scores = probabilities(fusion, evidence)
    thresholds = choose_thresholds(scores, species, targets)
    people = [one for part in held for one in part.people]
    found = findings(scores, species, people, thresholds, _origins(held))
    told = {"held_out": found, "expected_calibration_error": expected_error(scores, live, weights)}
    return Bundle(stills, fusion, thresholds, usual_scores(evidence, live), told)


def _still(name: str, train: Sequence[Described], held: Sequence[Described], seed: int) -> StillMethod:
    machine = fit_machine(_stacked(train, name), _live(train), _weights(train), seed=seed)
    return StillMethod(name, _lined(machine, _stacked(held, name), _live(held), _weights(held)))


def _lined(
    machine: Machine, features: NDArray[np.float32], live: NDArray[np.bool_], weights: NDArray[np.float64]
) -> Machine:
    slope, intercept = fit_line(machine.decide(features), live, weights)
    return replace(machine, slope=slope, intercept=intercept)


def _origins(parts: Sequence[Described]) -> dict[str, set[str]]:
    origins: dict[str, set[str]] = {}
    for part in parts:
        for species in part.species:
            if species is not None:
                origins.setdefault(species, set()).add(part.origin)
    return origins


def _stacked(parts: Sequence[Described], name: str) -> NDArray[np.float32]:
    return np.concatenate([part.features[name] for part in parts])


def _live(parts: Sequence[Described]) -> NDArray[np.bool_]:
    return np.concatenate([part.live for part in parts])


def _weights(parts: Sequence[Described]) -> NDArray[np.float64]:
    return weighed([balance(part.species) for part in parts])


def _material(material: Material) -> dict[str, object]:
    attacks = ([MADE] if material.living else []) + ([RECORDED] if material.recordings else [])
    return {
        "people_in_photographs": len({one.person for one in material.living}),
        "photographs": len(material.living),
        "recorded_sources": len(material.recordings),
        "recorded_samples": sum(len(train) + len(held) for train, held in material.recordings),
        "attacks": attacks,
        "sources": list(material.sources) or [NOT_STATED],
    }
