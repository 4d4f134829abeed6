from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from faceid.match import Match, cosine, identify

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROBES = np.zeros((1, 128), dtype=np.float32)


class Engine:
    """Answers with what it was given, and remembers how it was asked."""

    def __init__(self, *scores: float) -> None:
        self.matches = [Match(f"t{place}", f"s{place}", score) for place, score in enumerate(scores)]
        self.asked: dict[str, object] = {}

    def nearest(
        self, probes: NDArray[np.float32], *, k: int, threshold: float, at: datetime, venue: str
    ) -> list[list[Match]]:
        self.asked = {"k": k, "threshold": round(threshold, 3), "at": at, "venue": venue}
        return [[match for match in self.matches if match.score >= threshold][:k] for _ in probes]


def named(*scores: float) -> Match | None:
    return identify(Engine(*scores), PROBES, at=AT, venue="ven_1")[0]


def test_the_nearest_subject_is_named():
    assert named(0.7, 0.3) == Match("t0", "s0", 0.7)


def test_nobody_below_the_threshold_is_named():
    assert named(0.439) is None
    assert named(0.44) == Match("t0", "s0", 0.44)
    assert named() is None


def test_two_subjects_that_are_nearly_as_near_are_both_left_unnamed():
    assert named(0.60, 0.56) is None
    assert named(0.60, 0.54) == Match("t0", "s0", 0.60)


def test_a_second_subject_just_below_the_threshold_still_vetoes():
    assert named(0.46, 0.42) is None


def test_the_engine_is_asked_for_this_venue_and_time():
    engine = Engine(0.9)

    identify(engine, PROBES, at=AT, venue="ven_9", threshold=0.465, margin=0.065)

    assert engine.asked == {"k": 2, "threshold": 0.4, "at": AT, "venue": "ven_9"}


def test_cosine_compares_every_pair_and_stays_in_range():
    first = np.eye(3, 4, dtype=np.float32)
    second = -np.eye(2, 4, dtype=np.float32) * np.float32(1.000001)

    assert cosine(first, second).tolist() == [[-1.0, 0.0], [0.0, -1.0], [0.0, 0.0]]
    assert float(cosine(first[0], first[0])) == 1.0
