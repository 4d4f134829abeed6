"""How a face moves: a person's features move against each other, a picture moves as one plane or not at all.

Optical-flow histograms after Chaudhry, Ravichandran, Hager & Vidal (HOOF, CVPR 2009), used against the background as
by Anjos, Chakka & Marcel ("Motion-based counter-measures to photo attacks", IET Biometrics 3(3), 2014); planarity
after Bao, Li, Li & Jiang ("A liveness detection method based on optical flow field", IASP 2009).
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import similarity
from faceid.errors import DegenerateLandmarks
from faceid.liveness.capture import Capture, Look
from faceid.liveness.method import Evidence

Flow = NDArray[np.float64]
Placed = NDArray[np.float64]

MOTION: Final = "motion"
"""Name of the method."""

SECONDS = 1.5
LOOKS = 6
"""Shortest capture that is judged: a person who stands still has hardly moved in less."""

_SPAN = 0.25
"""Seconds between two looks that are compared, as near as the frame rate allows: shorter shows the sensor's noise."""

_FAR = 0.6
"""Seconds beyond which looks are not compared: a face was lost between them, or the camera is too slow to follow a hand
that waves a print, and flow that has lost its way looks like a face that moves."""

_LOST = 0.3
"""Distances between the eyes that landmarks may move between two looks; flow does not follow what moves further, so
the second look is then also cut out by its own landmarks, and what leaves less unexplained counts."""

_PAIRS = 24
"""Most pairs of looks compared, spread over the capture."""

_SIDE, _FACE = 160, 80
"""Side of the patch around the face, and of the face in it, in pixels."""

_BINS = 8
_LEAST = 1.0
"""Flow below this many patch pixels counts as no motion in histograms: the noise of dense flow."""

_ALIKE = 0.15
"""Chi-square distance below which face and surroundings move alike."""

_BENT, _UNEXPLAINED = 0.25, 0.13
"""Where a person and a picture are equally likely: the geometric middle between the most lively of 72 made films of
pictures, held still and waved, and the least lively of 12 of people, a factor of 2.3 apart; twelve people
(:func:`faceid.training.photographs.photographs`: those with even numbers, and 19)."""

_STEEPNESS = 3.0
_TOGETHER = 3.0


@dataclass(frozen=True, slots=True)
class Motion:
    """Does the face move, and otherwise than one plane would?"""

    name: str = MOTION

    def judge(self, capture: Capture) -> Evidence | None:
        """Compare looks a quarter of a second apart by dense optical flow.

        Returns:
            Log-odds of a living person with ``moved`` (mean flow of the face), ``bent`` (what the best homography
            leaves of it, 90th percentile; both in hundredths of the distance between the eyes), ``unexplained``
            (their ratio) and ``together`` (share of pairs in which the surroundings move and their flow histogram is
            the face's); None for less than 1.5 seconds, fewer than six looks, looks more than .6 seconds apart, or
            faces that cannot be aligned. The weaker of bending and unexplained counts: a still has no bending, a waved
            print has it all explained. The constants come from made videos of twelve people
            (``tests/faceid/liveness/test_videos.py`` holds them to others).
        """
        if capture.seconds < SECONDS or len(capture.looks) < LOOKS:
            return None
        measured = [one for one in (_compared(first, second) for first, second in _pairs(capture.looks)) if one]
        if not measured:
            return None
        moved = float(np.mean([one.moved for one in measured]))
        bent = float(np.mean([one.bent for one in measured]))
        together = float(np.mean([one.together for one in measured]))
        unexplained = bent / max(moved, 1e-3)
        figures = (("moved", moved), ("bent", bent), ("unexplained", unexplained), ("together", together))
        return Evidence(self.name, _score(bent, unexplained, together), figures)


def _score(bent: float, unexplained: float, together: float) -> float:
    weaker = min(bent / _BENT, unexplained / _UNEXPLAINED)
    return _STEEPNESS * float(np.log(max(weaker, 1e-2))) - _TOGETHER * together


@dataclass(frozen=True, slots=True)
class _Compared:
    """Figures of one pair; see :meth:`Motion.judge`."""

    moved: float
    bent: float
    together: bool


def hoof(flow: Flow) -> NDArray[np.float64]:
    """Histogram of oriented optical flow: weight by speed, mirror left and right together (Chaudhry et al., eq. 2).

    Args:
        flow: pixels, shape (n, 2).

    Returns:
        Shape (8,), sums to 1, or zeros where nothing moves.
    """
    speed = np.hypot(flow[:, 0], flow[:, 1])
    angle = np.arctan2(flow[:, 1], np.abs(flow[:, 0]))
    bins = np.clip(((angle / np.pi + 0.5) * _BINS).astype(int), 0, _BINS - 1)
    weights = np.where(speed >= _LEAST, speed, 0.0)
    histogram = np.bincount(bins, weights=weights, minlength=_BINS).astype(np.float64)
    return histogram / total if (total := float(histogram.sum())) > 0 else histogram


def residual(points: Flow, flow: Flow) -> Flow:
    """Return what the best homography does not explain of a flow.

    Args:
        points: where the flow starts, pixels, shape (n, 2), n at least 4 and not on one line.
        flow: pixels, shape (n, 2).

    Returns:
        Pixels, shape (n, 2). Least squares over all points: robust fits would call moving lids outliers of the plane.
    """
    target = points + flow
    matrix, _ = cv2.findHomography(points.astype(np.float64), target.astype(np.float64), 0)
    if matrix is None:
        return flow
    ones = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ matrix.T
    return np.asarray(target - ones[:, :2] / ones[:, 2:], dtype=np.float64)


def _pairs(looks: tuple[Look, ...]) -> list[tuple[Look, Look]]:
    """Pair looks about a quarter of a second apart, spread evenly over the capture."""
    times = np.array([look.at for look in looks])
    seconds = np.searchsorted(times, times + _SPAN - 1e-6)
    near = [second < len(looks) and times[second] - times[first] <= _FAR for first, second in enumerate(seconds)]
    found = [(looks[first], looks[int(second)]) for first, second in enumerate(seconds) if near[first]]
    chosen = np.linspace(0, len(found) - 1, min(_PAIRS, len(found))).astype(int)
    return [found[number] for number in sorted(set(chosen.tolist()))]


def _compared(first: Look, second: Look) -> _Compared | None:
    """Measure the flow between two looks in the frame of the first one's face."""
    try:
        here, there = (_placed(similarity(look.face.landmarks)) for look in (first, second))
    except DegenerateLandmarks:
        return None
    steps = np.hypot(*(second.face.landmarks - first.face.landmarks).T)
    near = float(steps.mean()) <= _LOST * first.face.eye_distance
    tried = [_measured(first, second, here, other) for other in ((here,) if near else (here, there))]
    return min(tried, key=lambda one: one.bent)


def _measured(first: Look, second: Look, here: Placed, there: Placed) -> _Compared:
    """Measure the flow between two looks that are cut out at two places."""
    flow = _returned(_flow_both_ways(_patch(first.image, here), _patch(second.image, there)), here, there)
    face, around = flow[_INSIDE].reshape(-1, 2), flow[_AROUND].reshape(-1, 2)
    left = residual(_POINTS, face)
    unit = 100.0 / _EYES
    return _Compared(
        float(np.hypot(*face.T).mean()) * unit,
        float(np.percentile(np.hypot(*left.T), 90)) * unit,
        bool(hoof(around).any()) and _chi_square(hoof(face), hoof(around)) < _ALIKE,
    )


_SCALE = _FACE / 112.0
_EYES = 35.24 * _SCALE
"""Distance between the eyes in the patch, pixels."""

_MARGIN = (_SIDE - _FACE) // 2
_ROWS, _COLUMNS = np.mgrid[:_SIDE, :_SIDE]
_INSIDE = ((_COLUMNS - _SIDE / 2) / (0.46 * _FACE)) ** 2 + ((_ROWS - _SIDE / 2 - 4) / (0.58 * _FACE)) ** 2 < 1.0
_AROUND = (np.abs(_COLUMNS - _SIDE / 2) > 0.85 * _FACE) & (_ROWS < _SIDE / 2 + 0.4 * _FACE)
"""Beside the head, above the shoulders: they move with the person."""

_POINTS = np.stack([_COLUMNS[_INSIDE], _ROWS[_INSIDE]], axis=1).astype(np.float64)


def _placed(matrix: NDArray[np.float64]) -> Placed:
    """Turn a similarity to the aligned crop into one to the patch, shape (3, 3)."""
    moved = matrix * _SCALE
    moved[:, 2] += _MARGIN
    return np.concatenate([moved, [[0.0, 0.0, 1.0]]])


def _returned(flow: Flow, here: Placed, there: Placed) -> Flow:
    """Express a flow from a patch cut out here to one cut out there in the first one's coordinates."""
    if here is there:
        return flow
    back = here @ np.linalg.inv(there)
    start = np.stack([_COLUMNS, _ROWS], axis=-1)
    return np.asarray((start + flow) @ back[:2, :2].T + back[:2, 2] - start, dtype=np.float64)


def _patch(image: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Cut a place out of a picture in grey, softened so that noise does not flow."""
    patch = cv2.warpAffine(image, matrix[:2], (_SIDE, _SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(cv2.GaussianBlur(cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY), (0, 0), 1.2), dtype=np.uint8)


def _flow(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Flow:
    """Dense flow by inverse search (Kroeger, Timofte, Dai & Van Gool, ECCV 2016); pixels, shape (side, side, 2)."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(search.calc(first, second, None), dtype=np.float64)


def _flow_both_ways(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Flow:
    """Average the flow and the reverse of the flow back, at the pixels of the first picture.

    Both see the same movement and err differently, most of all on skin without texture; made films of pictures and of
    people lie a factor of 2.3 apart so, and of 1.8 by the flow of one way.
    """
    there, back = _flow(first, second), _flow(second, first).astype(np.float32)
    columns, rows = (_COLUMNS + there[..., 0]).astype(np.float32), (_ROWS + there[..., 1]).astype(np.float32)
    met = cv2.remap(back, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray((there - met) / 2.0, dtype=np.float64)


def _chi_square(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    return float(((one - two) ** 2 / np.maximum(one + two, 1e-9)).sum() / 2.0)
