import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceid.frame import from_rgb
from faceid.match import Match
from faceid.pipeline import DetectedFace, Pipeline
from faceid.track import DEFAULT, Rules, Sighting, Track, Tracker, overlap, rules_for

Picture = NDArray[np.uint8]
STEP = 0.2
PEOPLE = {name: np.eye(8, dtype=np.float32)[place] for place, name in enumerate(("ann", "bob", "eve"))}


def box(left: float, top: float = 100.0, side: float = 80.0) -> NDArray[np.float32]:
    return np.array([left, top, side, side], dtype=np.float32)


def seen(name: str, left: float, score: float = 0.6, **others: float) -> Sighting:
    """Somebody well seen who resembles the subject of the same name by ``score``, and others by theirs."""
    scores = {name: score, **others}
    matches = tuple(Match(subject, subject, value) for subject, value in sorted(scores.items(), key=lambda s: -s[1]))
    return Sighting(box(left), PEOPLE[name], matches)


def stranger(left: float) -> Sighting:
    return Sighting(box(left), PEOPLE["eve"], ())


def blurred(left: float) -> Sighting:
    return Sighting(box(left))


def shown(tracker: Tracker, frames: list[list[Sighting]], start: int = 0) -> list[tuple[Track, ...]]:
    return [tracker.show((start + place) * STEP, frame) for place, frame in enumerate(frames)]


def names(tracks: tuple[Track, ...]) -> list[str | None]:
    return [track.identity for track in tracks]


def test_nobody_is_named_before_the_evidence_suffices():
    steps = shown(Tracker(), [[seen("ann", 100 + 5 * place)] for place in range(5)])

    assert [names(tracks) for tracks in steps] == [[None], [None], ["ann"], ["ann"], ["ann"]]
    assert [tracks[0].number for tracks in steps] == [0] * 5
    assert (steps[-1][0].age, steps[-1][0].looks, steps[-1][0].since) == (5, 5, 0.0)


def test_weak_looks_take_longer_and_looks_at_the_pivot_never_name():
    weak = shown(Tracker(), [[seen("ann", 100, 0.42)] for _ in range(8)])
    never = shown(Tracker(), [[seen("ann", 100, DEFAULT.pivot)] for _ in range(50)])

    assert [names(tracks)[0] for tracks in weak] == [None] * 3 + ["ann"] * 5
    assert {names(tracks)[0] for tracks in never} == {None}


def test_two_subjects_equally_near_veto_each_other():
    steps = shown(Tracker(), [[seen("ann", 100, 0.6, bob=0.58)] for _ in range(20)])

    assert {names(tracks)[0] for tracks in steps} == {None}


def test_two_people_who_swap_seats_keep_their_names():
    before = [[seen("ann", 100), seen("bob", 400)]] * 4
    after = [[seen("bob", 100), seen("ann", 400)]] * 4

    steps = shown(Tracker(), before + after)

    assert names(steps[3]) == ["ann", "bob"]
    assert [names(tracks) for tracks in steps[4:]] == [["ann", "bob"]] * 4
    assert [track.box[0] for track in steps[-1]] == [400, 100]
    assert [track.number for track in steps[-1]] == [0, 1]


def test_people_who_cross_unseen_lose_their_names_until_they_are_seen_again():
    approach = [[seen("ann", 100 + 30 * place), seen("bob", 320 - 30 * place)] for place in range(4)]
    crossing = [[blurred(215), blurred(225)]]
    apart = [[seen("bob", 190 - 30 * place), seen("ann", 250 + 30 * place)] for place in range(4)]

    steps = shown(Tracker(), approach + crossing + apart)

    assert names(steps[3]) == ["ann", "bob"]
    assert names(steps[4]) == [None, None]
    last = {track.identity: track.box[0] for track in steps[-1] if track.sighting is not None}
    assert last == {"ann": 340, "bob": 100}
    for tracks in steps:
        for track in tracks:
            if track.identity is not None and track.sighting is not None and tracks is not steps[4]:
                frame = (approach + crossing + apart)[steps.index(tracks)]
                assert np.array_equal(PEOPLE[track.identity], frame[track.sighting].embedding)


def test_contradicting_looks_drop_a_name():
    tracker = Tracker()
    shown(tracker, [[seen("ann", 100)] for _ in range(10)])
    alike = Sighting(box(100), PEOPLE["ann"], ())

    steps = shown(tracker, [[alike]] * 3, start=10)

    assert [names(tracks)[0] for tracks in steps] == ["ann", "ann", None]


def test_somebody_else_on_the_same_seat_is_another_track():
    tracker = Tracker()
    shown(tracker, [[seen("ann", 100)] for _ in range(5)])

    after = tracker.show(5 * STEP, [seen("bob", 100)])

    assert [(track.number, track.sighting) for track in after] == [(0, None), (1, 0)]
    assert after[1].identity is None


def test_a_face_that_is_not_seen_well_any_more_loses_its_name_in_time():
    tracker = Tracker()
    shown(tracker, [[seen("ann", 100)] for _ in range(5)])

    steps = shown(tracker, [[blurred(100)]] * 5, start=5)

    assert [names(tracks)[0] for tracks in steps] == ["ann", "ann", "ann", None, None]
    assert steps[-1][0].number == 0
    assert names(tracker.show(10 * STEP, [seen("ann", 100)])) == ["ann"]


def test_a_lost_track_ends_and_a_return_begins_anew():
    tracker = Tracker()
    shown(tracker, [[seen("ann", 100)] for _ in range(5)])

    missed = shown(tracker, [[]] * 6, start=5)
    back = tracker.show(11 * STEP, [seen("ann", 100)])

    assert [len(tracks) for tracks in missed] == [1, 1, 1, 1, 1, 0]
    assert [(track.number, track.identity) for track in back] == [(1, None)]


def test_one_subject_is_named_on_one_track_at_most():
    twin = PEOPLE["bob"]
    frames = [[seen("ann", 100, 0.7), Sighting(box(400), twin, (Match("ann", "ann", 0.45),))] for _ in range(2)]
    frames += [[seen("ann", 100, 0.7), Sighting(box(400), twin, (Match("ann", "ann", 0.7),))] for _ in range(8)]

    steps = shown(Tracker(), frames)

    assert all(names(tracks).count("ann") <= 1 for tracks in steps)
    assert names(steps[-1]) == [None, None]


def test_a_fast_walker_is_followed_by_its_motion():
    steps = shown(Tracker(), [[blurred(left)] for left in (100, 130, 180, 240, 300, 360, 420, 480)])

    assert [tracks[-1].number for tracks in steps] == [0] * 8
    assert steps[-1][0].motion[0] == pytest.approx(300, rel=0.05)


def test_the_same_frames_give_the_same_tracks():
    frames = [[seen("ann", 100 + 3 * place), seen("bob", 300 - 3 * place), stranger(600)] for place in range(6)]

    first, second = (shown(Tracker(), frames)[-1] for _ in range(2))

    assert [(one.number, one.identity, one.evidence) for one in first] == [
        (one.number, one.identity, one.evidence) for one in second
    ]


def test_frames_out_of_order_are_refused_and_change_nothing():
    tracker = Tracker()
    before = tracker.show(1.0, [seen("ann", 100)])

    with pytest.raises(ValueError, match="cannot follow"):
        tracker.show(1.0, [])

    assert tracker.tracks == before


@pytest.mark.parametrize(
    "wrong", [{"looks": 1}, {"most": 20.0}, {"keep": 8.0}, {"lead": -1.0}, {"unlike": 0.5}, {"commit": 3.0}]
)
def test_rules_that_let_one_look_name_somebody_are_refused(wrong: dict[str, float]):
    with pytest.raises(ValueError, match=r"Expected|Evidence"):
        Rules(**wrong)


def test_a_larger_gallery_asks_for_more_evidence():
    assert rules_for(1, 0.5).commit == DEFAULT.commit
    assert rules_for(100_000).commit == pytest.approx(math.log(1e8))
    with pytest.raises(ValueError, match="at least one subject"):
        rules_for(0)


SCORES = st.one_of(st.none(), st.floats(-0.2, 1.0))
FRAMES = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["ann", "bob", "eve", ""]), SCORES, SCORES), max_size=4),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(FRAMES)
def test_nobody_is_named_below_the_rule_nor_twice_at_once(
    frames: list[list[tuple[int, str, float | None, float | None]]],
):
    tracker = Tracker()
    for place, frame in enumerate(frames):
        sightings = []
        for left, who, first, second in frame:
            scores = sorted(((s, n) for n, s in (("ann", first), ("bob", second)) if s is not None), reverse=True)
            matches = tuple(Match(name, name, score) for score, name in scores) if who else ()
            sightings.append(Sighting(box(60.0 * left), PEOPLE[who] if who else None, matches))
        tracks = tracker.show(place * STEP, sightings)

        named = [track.identity for track in tracks if track.identity is not None]
        assert len(named) == len(set(named))
        assert sorted(track.sighting for track in tracks if track.sighting is not None) == list(range(len(sightings)))
        for track in tracks:
            assert all(0.0 < value <= DEFAULT.ceiling for _, value in track.evidence)
            if track.identity is not None:
                assert track.looks >= DEFAULT.looks
                assert track.evidence[0][0] == track.identity
                assert track.evidence[0][1] >= DEFAULT.keep
                assert place * STEP - track.clear <= DEFAULT.blind


def test_overlap_is_that_of_boxes():
    assert overlap(box(0), box(0)) == 1.0
    assert overlap(box(0), box(40)) == pytest.approx(1 / 3)
    assert overlap(box(0), box(80)) == 0.0
    assert overlap(np.zeros(4, np.float32), np.zeros(4, np.float32)) == 0.0


def test_photographs_moved_over_a_canvas_are_followed_and_named(pipeline: Pipeline, picture: Callable[[str], Picture]):
    enrolled = {name: pipeline.enrolment(from_rgb(np.array(picture(name)))).embedding for name in ("obama", "biden")}
    faces = {name: _small(picture(name)) for name in ("obama3", "biden", "astronaut")}
    tracker = Tracker()

    for place in range(5):
        canvas = np.full((420, 900, 3), 90, dtype=np.uint8)
        lefts = {"obama3": 20 + 90 * place, "biden": 380 - 90 * place, "astronaut": 660}
        for name, left in lefts.items():
            if not (place == 2 and name == "biden"):  # the two meet, and one is hidden behind the other
                canvas[30:390, left : left + 230] = faces[name]
        tracks = tracker.show(place * STEP, [_sighting(one, enrolled) for one in pipeline.faces(from_rgb(canvas))])

    named = {track.identity: float(track.box[0]) for track in tracks if track.identity is not None}
    assert set(named) == {"obama", "biden"}
    assert named["obama"] > 350 > named["biden"]
    assert [track.identity for track in tracks if track.box[0] > 640] == [None]


def _small(image: Picture) -> Picture:
    if image.shape[0] == image.shape[1]:
        image = image[:400, 96:352]
    return np.asarray(cv2.resize(image, (230, 360), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _sighting(one: DetectedFace, enrolled: dict[str, NDArray[np.float32]]) -> Sighting:
    if one.embedding is None:
        return Sighting(one.face.box)
    scores = sorted(((float(one.embedding @ vector), name) for name, vector in enrolled.items()), reverse=True)
    return Sighting(one.face.box, one.embedding, tuple(Match(name, name, score) for score, name in scores))
