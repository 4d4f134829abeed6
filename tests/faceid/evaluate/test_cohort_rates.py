"""Rates by cohort of living people and of labelled faces: rows sum to the totals, failures are in them."""

from pathlib import Path

import numpy as np
import pytest

from faceid.evaluate.cohort_rates import Marked, detected, living, rate_lines
from faceid.evaluate.cohorts import UNLABELLED, Cohorts
from faceid.evaluate.detection import FoundFace, LabelledFace
from faceid.evaluate.folder import Picture
from faceid.evaluate.intervals import wilson
from faceid.evaluate.liveness import Scored

POINTS = np.array([[30.0, 40], [70, 40], [50, 60], [35, 80], [65, 80]])


def picture(name: str) -> Picture:
    return Picture(Path(name), name, name.split("/")[-2])


def test_people_refused_and_people_without_a_response_are_counted_by_cohort() -> None:
    shown = [picture(f"real/{name}") for name in ("ann/1", "ann/2", "ann/3", "bob/1", "bob/2", "eve/1")]
    passed = np.array([True, False, True, False, True])
    scored = Scored(np.where(passed, 0.9, 0.1), passed, 1)
    lost = [False, False, True, False, False, False]
    labels = Cohorts("person", {"glasses": {"ann": "yes", "bob": "no"}})

    (table,) = living(labels, shown, scored, lost, "screen")
    yes, no, unlabelled = (next(row for row in table.rows if row.label == label) for label in ("yes", "no", UNLABELLED))

    assert (yes.rates["bpcer"], yes.rates["bpnrr"]) == (wilson(1, 2), wilson(1, 3))
    assert yes.rates["refused"] == wilson(2, 3)
    assert (no.rates["bpcer"].value, no.rates["refused"].value) == (0.5, 0.5)
    assert (unlabelled.rates["refused"], unlabelled.count) == (wilson(0, 1), 1)
    assert (yes.count, yes.few, table.counted) == (1, True, "people")
    assert sum(row.rates["refused"].trials for row in table.rows) == 6
    apart = table.apart["refused"]
    assert apart is not None
    assert (apart.worst, apart.best) == ("yes", "no")
    assert rate_lines([table], {"refused": "refused"})[0] == "by glasses, screen: refused"


def test_faces_of_pictures_that_cannot_be_read_are_missed_by_their_cohort() -> None:
    here = LabelledFace(np.array([0.0, 0.0, 100.0, 100.0]), None)
    find = FoundFace(here.box, 0.9, POINTS) if here.box is not None else None
    assert find is not None
    weak = FoundFace(find.box, 0.4, POINTS)
    marked: list[Marked] = [([here], [find]), ([here], [weak]), ([here, here], []), ([here], [find])]
    shown = [picture(f"p/{number}.jpg") for number in range(4)]
    labels = Cohorts("file", {"light": {"p/0.jpg": "day", "p/1.jpg": "night", "p/2.jpg": "night", "p/3.jpg": "day"}})

    (table,) = detected(labels, shown, marked, 0.5)
    day, night = table.rows

    assert (day.rates["recall"], night.rates["recall"]) == (wilson(2, 2), wilson(0, 3))
    assert night.rates["missed"].value == 1.0
    assert night.rates["missed"].low == pytest.approx(1.0 - wilson(0, 3).high)
    assert (night.count, night.few, table.counted) == (2, True, "pictures")
    assert table.apart["missed"] is not None
    assert (table.apart["missed"].worst, table.apart["missed"].best) == ("night", "day")
