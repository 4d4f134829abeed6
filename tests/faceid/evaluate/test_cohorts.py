from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.evaluate import cohorts
from faceid.evaluate.cohorts import MIXED, UNLABELLED, Cohorts, compared, differential, read, searched
from faceid.evaluate.errors import LabelsRefused
from faceid.evaluate.folder import Picture
from faceid.evaluate.identification import Searches, false_negative_rate, false_positive_rate
from faceid.evaluate.intervals import wilson
from faceid.evaluate.verification import Comparisons


def picture(person: int) -> Picture:
    return Picture(Path(f"p{person}/1.jpg"), f"p{person}/1.jpg", f"p{person}")


def table(tmp_path: Path, text: str) -> Cohorts:
    (tmp_path / "cohorts.csv").write_text(text)
    return read(tmp_path / "cohorts.csv")


def test_labels_are_given_to_people_or_to_files(tmp_path: Path):
    people = table(tmp_path, "person,glasses,light\np1,yes,day\np2,no,\n")
    assert people.label("glasses", picture(1)) == "yes"
    assert people.label("light", picture(2)) == UNLABELLED
    assert people.label("light", picture(9)) == UNLABELLED

    files = table(tmp_path, "file;light\np1/1.jpg;night\n")
    assert files.label("light", picture(1)) == "night"


@pytest.mark.parametrize("text", ["", "person\np1\n", "name,group\np1,a\n", "person,group\np1,a\np1,b\n"])
def test_tables_without_labels_or_with_two_for_one_are_refused(tmp_path: Path, text: str):
    with pytest.raises(LabelsRefused):
        table(tmp_path, text)


@given(st.integers(0, 10_000))
def test_the_rows_of_a_verification_sum_to_its_totals(seed: int):
    random = np.random.default_rng(seed)
    first, second = random.integers(0, 12, 60), random.integers(0, 12, 60)
    same = first == second
    scores = np.where(same, 0.4, 0.0) + random.normal(0, 0.3, 60)
    labels = Cohorts("person", {"group": {f"p{one}": "ab"[one % 2] for one in range(9)}})
    comparisons = Comparisons(scores, same, first, second, np.zeros(60, dtype=np.int64))

    (found,) = compared(labels, comparisons, [picture(one) for one in first], [picture(one) for one in second], 0.3)

    assert {row.label for row in found.rows} <= {"a", "b", UNLABELLED, MIXED}
    assert sum(row.missed.trials for row in found.rows) == same.sum()
    assert sum(row.admitted.trials for row in found.rows) == (~same).sum()
    errors = sum(round(row.missed.value * row.missed.trials) for row in found.rows if row.missed.trials)
    assert errors == (scores[same] < 0.3).sum()
    errors = sum(round(row.admitted.value * row.admitted.trials) for row in found.rows if row.admitted.trials)
    assert errors == (scores[~same] >= 0.3).sum()


def test_the_rows_of_an_identification_sum_to_its_totals():
    random, nobody = np.random.default_rng(4), -np.inf
    mated = np.arange(90) < 50
    searches = Searches(
        np.arange(90), mated, np.where(mated, random.random(90), nobody), random.random(90) / 2, np.full(90, nobody),
        np.zeros(90, dtype=np.int64), 50,
    )  # fmt: skip
    labels = Cohorts("person", {"group": {f"p{one}": "abc"[one % 3] for one in range(80)}})

    (found,) = searched(labels, searches, [picture(one) for one in range(90)], 0.4, 0.0)

    for rates, whole in (
        ([row.missed for row in found.rows], false_negative_rate(searches, 0.4)),
        ([row.admitted for row in found.rows], false_positive_rate(searches, 0.4)),
    ):
        assert sum(rate.trials for rate in rates) == whole.trials
        assert sum(rate.value * rate.trials for rate in rates if rate.trials) == pytest.approx(
            whole.value * whole.trials
        )
    assert all(row.few for row in found.rows)


def test_the_worst_cohort_is_compared_with_the_best():
    gap = differential({"a": wilson(10, 1000), "b": wilson(40, 1000), "c": wilson(20, 1000)})

    assert gap is not None
    assert (gap.worst, gap.best) == ("b", "a")
    assert gap.ratio.value == pytest.approx(40.5 / 10.5)
    assert gap.ratio.low > 1.0
    assert gap.over_mean == pytest.approx(40.5 / (10.5 * 20.5 * 40.5) ** (1 / 3))


def test_cohorts_without_errors_are_no_different():
    gap = differential({"a": wilson(0, 500), "b": wilson(0, 500)})

    assert gap is not None
    assert gap.ratio.value == pytest.approx(1.0)
    assert 1.0 in gap.ratio


def test_one_cohort_has_nothing_to_differ_from():
    assert differential({"a": wilson(1, 10), "b": wilson(0, 0)}) is None


def test_nothing_here_guesses_a_label():
    source = Path(cohorts.__file__).read_text()

    assert "faceid.pipeline" not in source
    assert "embedding" not in source
