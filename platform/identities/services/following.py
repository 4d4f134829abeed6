"""From frames to people: the faces of one frame, or those that were followed over the frames of one moment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from faceid.errors import NoFace
from faceid.frame import Frame as Picture
from faceid.frame import require
from faceid.liveness.capture import Look
from faceid.match import THRESHOLD_DEFAULT, Match
from faceid.pipeline import DetectedFace
from faceid.rules import Figures
from faceid.track import DEFAULT, Rules, Sighting, Track, Tracker, rules_for
from identities.faces import Space, Spaces
from identities.services.matching import Probe
from identities.thresholds import Rule

_SPARE = 1
"""Frames in which a face may be missed without losing the name that the others give it."""

_CERTAIN = 0.8
"""Share of the most evidence that good looks give; a few looks of one moment cannot give more, whoever is searched."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Somebody before the camera.

    Attributes:
        probes: per space one protected embedding, over frames the mean; None where the face was never good enough.
        looks: the frames that show them, in order of time; at least one.
        figures: quality of the last look that was good enough to compare, else of the last.
        followed: whether they were followed over frames; then only the evidence of these names them.
        named: subject that the evidence over frames names; None while it does not suffice.
    """

    probes: Mapping[Space, Probe] = field(repr=False)
    looks: tuple[Look, ...]
    figures: Figures
    followed: bool = False
    named: str | None = None

    def may_be(self, subject: str) -> bool:
        """Return whether nothing over the frames contradicts that this is a subject."""
        return not self.followed or self.named == subject


Rivals: TypeAlias = Callable[[Mapping[Space, Sequence[Probe]], Rules], list[tuple[Match, ...]]]
"""Returns per face whom it resembles a little, given the faces' probes in every space."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    look: Look
    face: DetectedFace
    probes: Mapping[Space, Probe] = field(repr=False)


def single(spaces: Spaces, picture: Picture) -> list[Person]:
    """Return the people of one frame, largest face first.

    Raises:
        NoFace: nobody is in it.
    """
    [seen] = _seen(spaces, [picture], (0.0,))
    return [Person(one.probes, (one.look,), one.face.quality.figures) for one in seen]


def follow(
    spaces: Spaces, pictures: Sequence[Picture], times: Sequence[float], rivals: Rivals, rules: Rules
) -> list[Person]:
    """Return the people of a moment, largest face first: whoever is there at its end or was a moment before.

    Args:
        pictures: of one camera, in order of time.
        times: seconds, ascending.
        rules: see :func:`rules_of`.

    Raises:
        NoFace: nobody is in any of them.
    """
    frames = _seen(spaces, pictures, times)
    everybody = [one for frame in frames for one in frame]
    resembling = iter(rivals({space: [one.probes[space] for one in everybody] for space in spaces}, rules))
    tracker = Tracker(rules)
    tracks: tuple[Track, ...] = ()
    looks: dict[int, list[_Seen]] = {}
    for at, frame in zip(times, frames, strict=True):
        sightings = [
            Sighting(one.face.face.box, one.probes[spaces.active], matches)
            for one, matches in zip(frame, resembling, strict=False)
        ]
        tracks = tracker.show(at, sightings)
        for track in tracks:
            if track.sighting is not None:
                looks.setdefault(track.number, []).append(frame[track.sighting])
    largest = sorted(tracks, key=lambda track: float(-track.box[2] * track.box[3]))
    return [_person(track, looks[track.number], spaces) for track in largest]


def rules_of(rule: Rule, *, templates: int, frames: int) -> Rules:
    """Return the rules by which a few frames of one moment name somebody.

    The larger the gallery, the more looks have to agree, up to what this many frames can give; that strangers stay
    unknown in larger galleries, too, is up to the threshold, which the mean of the looks has to pass besides. Where the
    operator's own threshold is high, looks count from a higher cosine on; never from a lower one, since what a small
    gallery lets pass says nothing about how alike two people look.

    Args:
        rule: by which the operator names whoever one frame shows.
        templates: that are searched.
        frames: of the moment.
    """
    asked = rules_for(max(templates, 1))
    possible = _CERTAIN * asked.most * asked.discount * (frames - _SPARE)
    return replace(
        asked,
        pivot=max(DEFAULT.pivot, rule.threshold - (THRESHOLD_DEFAULT - DEFAULT.pivot)),
        commit=min(asked.commit, max(DEFAULT.commit, possible)),
    )


def floor(rules: Rules) -> float:
    """Return the cosine below which a look speaks against a subject as much as one look can."""
    return rules.pivot - rules.most / rules.slope


def _seen(spaces: Spaces, pictures: Sequence[Picture], times: Sequence[float]) -> list[list[_Seen]]:
    detected = spaces.active.pipeline.batch(pictures)
    if not any(detected):
        raise NoFace(
            "There is no face in the frame.", expected="at least one face.", remedy="Decide without viewers."
        )  # fmt: skip
    return [
        [_one(spaces, picture, at, face) for face in faces]
        for picture, at, faces in zip(pictures, times, detected, strict=True)
    ]


def _one(spaces: Spaces, picture: Picture, at: float, face: DetectedFace) -> _Seen:
    probes = {space: _probe(spaces, space, picture, face) for space in spaces}
    return _Seen(Look(require(picture), face.face, at), face, probes)


def _probe(spaces: Spaces, space: Space, picture: Picture, face: DetectedFace) -> Probe:
    if face.embedding is None:
        return None
    if space.pipeline is spaces.active.pipeline:
        return space.protection.apply(face.embedding)
    return space.template(picture, face.face)


def _person(track: Track, looks: Sequence[_Seen], spaces: Spaces) -> Person:
    clear = [one for one in looks if one.face.embedding is not None]
    probes = {space: _mean([one.probes[space] for one in clear]) for space in spaces}
    if track.face is not None:
        probes[spaces.active] = track.face.astype(np.float32)
    shown = (clear or list(looks))[-1]
    return Person(
        probes, tuple(one.look for one in looks), shown.face.quality.figures, followed=True, named=track.identity
    )


def _mean(probes: Sequence[Probe]) -> Probe:
    known = [probe for probe in probes if probe is not None]
    if not known:
        return None
    total: NDArray[np.float32] = np.sum(known, axis=0)
    return total / np.float32(max(float(np.linalg.norm(total)), 1e-9))
