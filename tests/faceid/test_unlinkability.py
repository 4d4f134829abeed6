from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceid.image import decode
from faceid.pipeline import Pipeline
from faceid.protect import Protection
from faceid.unlinkability import chance_level, unlinkability

RANDOM = np.random.default_rng(1)


def test_scores_that_never_overlap_link_everybody():
    found = unlinkability(RANDOM.uniform(0.8, 1.0, 500), RANDOM.uniform(0.0, 0.2, 500))

    assert found.overall == 1.0


def test_equal_scores_link_nobody():
    scores = RANDOM.standard_normal(4000)

    assert unlinkability(scores, scores).overall == 0.0


def test_scores_of_one_distribution_show_no_more_than_chance():
    mated, non_mated = RANDOM.standard_normal((2, 4000))

    found, chance = unlinkability(mated, non_mated).overall, chance_level(mated, non_mated)

    assert 0.0 < found < 0.08
    assert found == pytest.approx(chance, abs=0.02)


def test_the_measure_is_the_integral_of_the_local_one():
    """Two uniform densities on [0, 1] and [0.5, 1.5]: half of the mated scores see LR = infinity, half LR = 1."""
    mated, non_mated = np.arange(1000) / 1000, np.arange(1000) / 1000 + 0.5

    found = unlinkability(mated, non_mated)

    assert found.overall == pytest.approx(0.5, abs=0.01)
    assert found.local[found.scores < 0.49].min() == 1.0
    assert found.local[found.scores > 0.52].max() < 0.1


def test_the_prior_odds_scale_the_likelihood_ratio():
    """Mated density 2 on [0, 0.5], non-mated 1 on [0, 1]: LR = 2, so D = 2 * 2w / (1 + 2w) - 1."""
    mated, non_mated = np.arange(2000) / 4000, np.arange(2000) / 2000

    for omega in (0.5, 1.0, 2.0):
        expected = 2 * 2 * omega / (1 + 2 * omega) - 1
        assert unlinkability(mated, non_mated, omega=omega).overall == pytest.approx(expected, abs=0.02)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10.0), st.floats(-3.0, 3.0))
def test_the_measures_stay_within_their_range(seed: int, omega: float, shift: float):
    random = np.random.default_rng(seed)

    found = unlinkability(random.standard_normal(300) + shift, random.standard_normal(200), omega=omega)

    assert 0.0 <= found.overall <= 1.0
    assert ((found.local >= 0.0) & (found.local <= 1.0)).all()


def captures(people: int, seed: int) -> np.ndarray:
    """Return two captures each, cosine about 0.7: float32, shape (2, people, 128)."""
    random = np.random.default_rng(seed)
    person = random.standard_normal((people, 128))
    both = np.stack([person + 0.65 * random.standard_normal((people, 128)) for _ in range(2)])
    return np.asarray(both / np.linalg.norm(both, axis=2, keepdims=True), dtype=np.float32)


def test_two_captures_of_one_person_under_two_keys_cannot_be_linked():
    one, two = captures(2000, 2)
    mine, theirs = Protection.generate().apply(one), Protection.generate().apply(two)

    mated, non_mated = (mine * theirs).sum(axis=1), (mine * np.roll(theirs, 1, axis=0)).sum(axis=1)

    assert unlinkability(mated, non_mated).overall < 0.1
    assert unlinkability(mated, non_mated).overall < 2 * chance_level(mated, non_mated)


def test_two_captures_under_one_key_are_linked():
    one, two = captures(2000, 2)
    key = Protection.generate()
    mine, theirs = key.apply(one), key.apply(two)

    mated, non_mated = (mine * theirs).sum(axis=1), (mine * np.roll(theirs, 1, axis=0)).sum(axis=1)

    assert unlinkability(mated, non_mated).overall > 0.99


@pytest.fixture(scope="module")
def photographed(pipeline: Pipeline) -> np.ndarray:
    """Embeddings of 40 people, two photographs each: float32, shape (2, 40, 128)."""
    folder = next(
        (place for up in Path(__file__).resolve().parents
         if (place := up / "shared/data/faces/lfw_dev").is_dir()), None,
    )  # fmt: skip
    if folder is None:
        pytest.skip("The evaluation photographs are not beside this repository.")
    found: list[list[np.ndarray]] = []
    for person in sorted(folder.iterdir()):
        seen = [pipeline.faces(decode(path.read_bytes())) for path in sorted(person.glob("*.jpg"))[:2]]
        shots = [faces[0].embedding for faces in seen if faces and faces[0].embedding is not None]
        if len(shots) == 2:
            found.append(shots)
        if len(found) == 40:
            break
    return np.array(found).transpose(1, 0, 2)


class TestPhotographs:
    """Two photographs each of real people, kept beside the repository for evaluation."""

    def linked(self, one: np.ndarray, two: np.ndarray, pairs_of_keys: int = 20) -> tuple[float, float]:
        """Return the measure between two galleries under many pairs of keys, and what chance shows."""
        strangers = ~np.eye(len(one), dtype=bool)
        tables = [Protection.generate().apply(one) @ Protection.generate().apply(two).T for _ in range(pairs_of_keys)]
        mated = np.concatenate([np.diag(table) for table in tables])
        non_mated = np.concatenate([table[strangers] for table in tables])
        return unlinkability(mated, non_mated).overall, chance_level(mated, non_mated, rounds=5)

    def test_two_operators_cannot_link_a_person(self, photographed: np.ndarray):
        found, chance = self.linked(photographed[0], photographed[1])

        assert found < 0.1
        assert found < 2 * chance

    def test_not_even_the_same_photograph_links_by_itself(self, photographed: np.ndarray):
        found, chance = self.linked(photographed[0], photographed[0])

        assert found < 2 * chance

    def test_a_whole_table_of_the_same_photographs_does(self, photographed: np.ndarray):
        order = np.random.default_rng(3).permutation(40)
        mine = Protection.generate().apply(photographed[0])
        theirs = Protection.generate().apply(photographed[0][order])

        seen = [np.sort(table @ table.T, axis=1) for table in (mine, theirs)]
        distance = np.abs(seen[0][:, None, :] - seen[1][None, :, :]).sum(axis=2)

        assert np.array_equal(order[distance.argmin(axis=1)], np.arange(40))

    def test_one_key_links_everybody(self, photographed: np.ndarray):
        key = Protection.generate()
        table = key.apply(photographed[0]) @ key.apply(photographed[1]).T

        assert unlinkability(np.diag(table), table[~np.eye(40, dtype=bool)]).overall > 0.9


@pytest.mark.parametrize(
    ("mated", "non_mated", "omega", "wrong"),
    [
        (np.zeros(19), np.zeros(20), 1.0, "at least 20"),
        (np.zeros(20), np.full(20, np.nan), 1.0, "finite"),
        (np.zeros((20, 2)), np.zeros(20), 1.0, "one row"),
        (np.zeros(20), np.zeros(20), 0.0, "above 0"),
        (np.zeros(20), np.zeros(20), float("nan"), "above 0"),
    ],
)
def test_scores_that_say_nothing_are_refused(mated: np.ndarray, non_mated: np.ndarray, omega: float, wrong: str):
    with pytest.raises(ValueError, match=wrong):
        unlinkability(mated, non_mated, omega=omega)
