"""Following faces over frames, and naming them only when enough frames agree.

One frame can lie: a blurred profile, a look-alike, two people who cross. A track gathers evidence for each subject over
the frames in which its face was good enough to embed: a cumulative sum of log-likelihood ratios that never falls below
zero (Page, Biometrika 41, 1954, after Wald's sequential test). It names a subject only when that sum is large, comes
from several looks and leads that for everybody else. Nothing here remembers anybody beyond the object that the caller
holds: tracks live in memory and end with it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from faceid.assignment import assign
from faceid.match import Match


@dataclass(frozen=True, slots=True)
class Rules:
    """When two sightings are one face, and when a face is named.

    Attributes:
        overlap: least intersection over union at which a face without embedding is the one that was there before.
        alike: least cosine at which a face anywhere in the frame is the one that was seen before.
        unlike: cosine below which it is somebody else, wherever it is.
        patience: seconds after which a face that is not seen any more has gone.
        blind: seconds without a usable look after which a face is not named until it is seen well again.
        slope, pivot: evidence of one look is ``slope * (cosine - pivot)``: log-likelihood ratio of the same person
            against another one, two normal distributions of equal width. Defaults: SFace on Labeled Faces in the Wild.
        most: most evidence of one look, for or against.
        discount: share of a look's evidence that counts; frames of one moment resemble each other.
        commit: evidence at which a subject is named.
        keep: evidence below which a named subject is dropped.
        lead: by how much the evidence must exceed that for any other subject.
        looks: usable looks before anybody is named.
    """

    overlap: float = 0.3
    alike: float = 0.363
    unlike: float = 0.20
    patience: float = 1.0
    blind: float = 0.7
    slope: float = 40.0
    pivot: float = 0.33
    most: float = 6.0
    discount: float = 0.5
    commit: float = 7.0
    keep: float = 3.0
    lead: float = 3.0
    looks: int = 3

    def __post_init__(self) -> None:
        """Refuse rules under which one look could name somebody, or under which nothing could be dropped.

        Raises:
            ValueError: the rules contradict themselves.
        """
        if self.looks < 2 or self.most * self.discount >= self.commit:
            raise ValueError("Evidence comes from at least two looks: raise looks or commit, or lower most.")
        if not 0.0 <= self.keep <= self.commit or self.lead < 0.0 or self.unlike > self.alike:
            raise ValueError("Expected 0 <= keep <= commit, lead of at least 0, and unlike at most as large as alike.")

    @property
    def ceiling(self) -> float:
        """Most evidence that is remembered: two contradicting looks drop whoever was named."""
        return self.commit + self.most * self.discount


def rules_for(subjects: int, false_names: float = 1e-3) -> Rules:
    """Return rules for a gallery: a stranger who begins to resemble somebody is named with at most a given probability.

    Args:
        subjects: in the gallery; each is one more chance to resemble a stranger.
        false_names: accepted probability, above 0 and below 1.

    Raises:
        ValueError: no subject, or a probability that is not strictly between 0 and 1.

    Wald's bound, evidence of ``log(subjects / false_names)``; it holds as far as the looks are independent and the
    cosines distributed as ``slope`` and ``pivot`` say.
    """
    if subjects < 1 or not 0.0 < false_names < 1.0:
        raise ValueError("Expected at least one subject and a probability between 0 and 1.")
    commit = max(Rules().commit, math.log(subjects / false_names))
    return Rules(commit=commit)


DEFAULT = Rules()


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One face of one frame.

    Attributes:
        box: left, top, width, height in pixels; float32, shape (4,).
        embedding: unit vector, float32, shape (dimension,); None where the face was not good enough.
        matches: subjects near it, best first, each once; asked for with a threshold well below the one that names, so
            that a second subject can veto the first. Empty where nobody is near or there is no embedding.
    """

    box: NDArray[np.float32]
    embedding: NDArray[np.float32] | None = field(default=None, repr=False)
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One face over frames.

    Attributes:
        number: its own for good, counted from 0.
        box: where it was seen last, pixels; float32, shape (4,).
        motion: pixels per second of the box's centre; float64, shape (2,).
        since, seen, clear: seconds of the first sighting, the last one, and the last one with an embedding (NaN: none).
        age: frames in which it was seen.
        looks: sightings with an embedding since its evidence began.
        sighting: index of the sighting in the frame just shown; None when it was not seen in it.
        face: mean of its embeddings, of unit length; None before the first.
        evidence: by subject, largest first.
        identity: the subject it is named as; None while there is not enough evidence.
    """

    number: int
    box: NDArray[np.float32]
    motion: NDArray[np.float64]
    since: float
    seen: float
    clear: float
    age: int
    looks: int
    sighting: int | None
    face: NDArray[np.float64] | None = field(default=None, repr=False)
    evidence: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    identity: str | None = None


class Tracker:
    """Follows the faces of one camera; not safe to share between threads. Deterministic."""

    def __init__(self, rules: Rules = DEFAULT) -> None:
        """Begin with an empty scene."""
        self.rules = rules
        self.tracks: tuple[Track, ...] = ()
        self._next = 0
        self._at = -math.inf

    def show(self, at: float, sightings: Sequence[Sighting]) -> tuple[Track, ...]:
        """Take in the faces of the next frame.

        Args:
            at: seconds; later than the frame before.
            sightings: the faces of the frame; empty where nobody is seen.

        Returns:
            The live tracks by number: those seen in this frame and those missed for less than ``patience``. No subject
            is the identity of two of them.

        Raises:
            ValueError: the frame is not later than the one before.
        """
        if not at > self._at:
            raise ValueError(f"A frame at {at} s cannot follow one at {self._at} s.")
        self._at = at
        live = [track for track in self.tracks if at - track.seen <= self.rules.patience]
        pairs = assign(_worth(live, sightings, at, self.rules))
        matched = dict(pairs)
        moved = [
            self._seen(track, live, sightings, matched[row], at) if row in matched else replace(track, sighting=None)
            for row, track in enumerate(live)
        ]
        fresh = [index for index in range(len(sightings)) if index not in matched.values()]
        moved += [self._begun(sightings[index], index, at) for index in fresh]
        self.tracks = _named(moved, at, self.rules)
        return self.tracks

    def _begun(self, sighting: Sighting, index: int, at: float) -> Track:
        track = Track(self._next, sighting.box, np.zeros(2), at, at, math.nan, 1, 0, index)
        self._next += 1
        return _weighed(track, sighting, at, self.rules)

    def _seen(self, track: Track, live: list[Track], sightings: Sequence[Sighting], index: int, at: float) -> Track:
        sighting = sightings[index]
        shift = (_centre(sighting.box) - _centre(track.box)) / (at - track.seen)
        moved = replace(
            track,
            box=sighting.box,
            motion=(track.motion + shift) / 2,
            seen=at,
            age=track.age + 1,
            sighting=index,
        )
        if sighting.embedding is None and _crowded(sighting, track, live, at):
            # Whoever crossed whom cannot be told without looking: nobody keeps a name through that.
            return replace(moved, looks=0, evidence=(), identity=None)
        return _weighed(moved, sighting, at, self.rules)


def _weighed(track: Track, sighting: Sighting, at: float, rules: Rules) -> Track:
    """Add what one look says; a look without embedding says nothing."""
    if sighting.embedding is None:
        return track
    scores = {match.subject: match.score for match in sighting.matches}
    before = dict(track.evidence)
    total: dict[str, float] = {}
    for subject in sorted(before.keys() | scores.keys()):
        value = before.get(subject, 0.0) + _evidence(scores.get(subject, -1.0), rules)
        if value > 0.0:
            total[subject] = min(value, rules.ceiling)
    face = np.asarray(sighting.embedding, dtype=np.float64)
    if track.face is not None:
        face = track.face * 0.8 + face * 0.2
    return replace(
        track,
        clear=at,
        looks=track.looks + 1,
        face=face / max(float(np.linalg.norm(face)), 1e-9),
        evidence=tuple(sorted(total.items(), key=lambda item: (-item[1], item[0]))),
    )


def _evidence(score: float, rules: Rules) -> float:
    return rules.discount * max(-rules.most, min(rules.most, rules.slope * (score - rules.pivot)))


def _named(tracks: list[Track], at: float, rules: Rules) -> tuple[Track, ...]:
    """Name whom the evidence names; where two tracks claim one subject, the one that leads, or neither."""
    claims: dict[str, list[tuple[float, int]]] = {}
    for place, track in enumerate(tracks):
        subject = _claimed(track, at, rules)
        if subject is not None:
            claims.setdefault(subject, []).append((track.evidence[0][1], place))
    names: dict[int, str] = {}
    for subject, claimed in claims.items():
        best, *others = sorted(claimed, reverse=True)
        if not others or best[0] - others[0][0] >= rules.lead:
            names[best[1]] = subject
    return tuple(replace(track, identity=names.get(place)) for place, track in enumerate(tracks))


def _claimed(track: Track, at: float, rules: Rules) -> str | None:
    if not track.evidence or track.looks < rules.looks or not at - track.clear <= rules.blind:
        return None
    (subject, most), *others = track.evidence
    second = others[0][1] if others else 0.0
    enough = rules.keep if track.identity == subject else rules.commit
    return subject if most >= enough and most - second >= rules.lead else None


def _worth(tracks: Sequence[Track], sightings: Sequence[Sighting], at: float, rules: Rules) -> NDArray[np.float64]:
    """Say how well each sighting continues each track: 0 or less where it cannot be the same face."""
    worth = np.zeros((len(tracks), len(sightings)))
    for row, track in enumerate(tracks):
        predicted = _predicted(track, at)
        for column, sighting in enumerate(sightings):
            place = max(overlap(predicted, sighting.box), overlap(track.box, sighting.box))
            worth[row, column] = _pair_worth(track, sighting, place, rules)
    return worth


def _pair_worth(track: Track, sighting: Sighting, place: float, rules: Rules) -> float:
    if track.face is None or sighting.embedding is None:
        return place if place >= rules.overlap else 0.0
    likeness = float(track.face @ sighting.embedding.astype(np.float64))
    if likeness < rules.unlike or (likeness < rules.alike and place < rules.overlap):
        return 0.0
    # The face decides, its place breaks ties: two who swap seats keep their names.
    return 1.0 + likeness + 0.5 * place


def _predicted(track: Track, at: float) -> NDArray[np.float32]:
    moved = track.box.copy()
    moved[:2] += (track.motion * (at - track.seen)).astype(np.float32)
    return moved


def _crowded(sighting: Sighting, track: Track, live: Sequence[Track], at: float) -> bool:
    """Whether another track could as well have gone on here."""
    return any(
        other is not track and max(overlap(other.box, sighting.box), overlap(_predicted(other, at), sighting.box)) > 0.0
        for other in live
    )


def overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the intersection over union of two boxes, 0 to 1; 0 where neither has an area.

    Args:
        one, other: left, top, width, height in pixels of one picture, float32, shape (4,); a negative side counts as 0.
    """
    corner = np.maximum(one[:2], other[:2])
    opposite = np.minimum(one[:2] + one[2:], other[:2] + other[2:])
    shared = float(np.prod(np.clip(opposite - corner, 0.0, None)))
    union = float(np.prod(np.clip(one[2:], 0.0, None))) + float(np.prod(np.clip(other[2:], 0.0, None))) - shared
    return shared / union if union > 0.0 else 0.0


def _centre(box: NDArray[np.float32]) -> NDArray[np.float64]:
    centre: NDArray[np.float64] = box[:2].astype(np.float64) + box[2:].astype(np.float64) / 2
    return centre
