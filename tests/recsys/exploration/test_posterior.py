"""The posterior: what it learns, its precision, its document, and what is refused."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.exploration.learning import Observations, UnusableObservations, learn
from recsys.exploration.posterior import Posterior, Prior, UnusablePosterior

TASTES = {"tea": 0.9, "coffee": -0.6, "milk": 0.1}


def observed(plays: int, *, seed: int = 0, lift: float = 0.0) -> Observations:
    """Let three drinks play in two scenes; each has an effect of its own beside the model's log-odds of -1."""
    random = np.random.default_rng(seed)
    creatives = tuple(random.choice(list(TASTES), plays).tolist())
    scenes = tuple(random.choice(["door", "desk"], plays).tolist())
    logits = random.normal(-1, 0.5, plays).round(2)
    odds = logits + lift + [TASTES[creative] for creative in creatives]
    engaged = (random.random(plays) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    return Observations(scenes, ("drinks",) * plays, creatives, logits, np.ones(plays, dtype=np.int64), engaged)


def flat_precision(posterior: Posterior) -> np.ndarray:
    """Put the arrow together: shared coefficients first, then the creatives."""
    return np.block([
        [posterior.precision, posterior.coupling.T],
        [posterior.coupling, np.diag(posterior.arm_precision)],
    ])  # fmt: skip


def test_it_finds_what_creatives_have_beyond_the_model():
    posterior = learn(observed(6000), Prior(arm=1.0))

    found = dict(zip(posterior.arms, posterior.effects, strict=True))
    for creative, taste in TASTES.items():
        assert found[creative] - found["milk"] == pytest.approx(taste - TASTES["milk"], abs=0.15)
    assert posterior.plays == 6000


def test_the_mode_and_the_precision_are_those_of_the_plain_logistic_model():
    observations, prior = observed(300), Prior(arm=0.7)
    posterior = learn(observations, prior)
    columns = np.zeros((300, 2 + 3 + 3))
    columns[:, 0], columns[:, 1] = 1, observations.logits - posterior.centre
    for row, (scene, creative) in enumerate(zip(observations.scenes, observations.creatives, strict=True)):
        columns[row, 2 + posterior.words.index("category:drinks")] = 1
        columns[row, 2 + posterior.words.index(f"scene:{scene}")] = 1
        columns[row, 5 + posterior.arms.index(creative)] = 1
    penalties = np.array([prior.bias, prior.slope, *[prior.word] * 3, *[prior.arm] * 3]) ** -2.0
    mode = np.concatenate([posterior.shared, posterior.effects])
    chance = 1 / (1 + np.exp(-(observations.logits + columns @ mode)))

    slope = columns.T @ (chance - observations.engaged) + penalties * mode
    hessian = (columns * (chance * (1 - chance))[:, None]).T @ columns + np.diag(penalties)

    np.testing.assert_allclose(slope, 0, atol=1e-4)
    np.testing.assert_allclose(flat_precision(posterior), hessian, rtol=1e-9)


def test_later_places_have_an_effect_of_their_own_which_the_first_does_not_share():
    counts, logits = np.full(2, 5000), np.full(2, -1.0)
    engaged = np.array([1345, 700])  # a rate of .269 is log-odds of -1; behind it fewer look
    posterior = learn(
        Observations(("desk",) * 2, ("food",) * 2, ("crv_1",) * 2, logits, counts, engaged, (0, 1)), Prior(word=1.0)
    )

    assert posterior.words == ("category:food", "position:1", "scene:desk")
    assert posterior.shared[3] == pytest.approx(np.log(0.14 / 0.86) + 1, abs=0.1)


def test_counting_equal_plays_together_changes_nothing():
    one = observed(400)
    keys = sorted(set(zip(one.scenes, one.creatives, one.logits.tolist(), strict=True)))
    rows = [keys.index(key) for key in zip(one.scenes, one.creatives, one.logits.tolist(), strict=True)]
    counted = Observations(
        tuple(key[0] for key in keys), ("drinks",) * len(keys), tuple(key[1] for key in keys),
        np.array([key[2] for key in keys]), np.bincount(rows), np.bincount(rows, weights=one.engaged).astype(np.int64),
    )  # fmt: skip

    apart, together = learn(one, Prior()), learn(counted, Prior())

    np.testing.assert_allclose(together.effects, apart.effects, atol=1e-6)
    np.testing.assert_allclose(together.precision, apart.precision, rtol=1e-6)


@given(st.integers(1, 200), st.integers(0, 1000))
def test_the_posterior_is_never_less_sure_than_the_prior(plays: int, seed: int):
    posterior = learn(observed(plays, seed=seed), Prior())

    assert (posterior.arm_precision >= Prior().arm ** -2.0).all()
    assert (np.diag(np.linalg.inv(posterior.schur())) <= np.array([1.0, 0.09, *[0.09] * len(posterior.words)])).all()


def test_the_evidence_chooses_how_different_creatives_are():
    random = np.random.default_rng(1)
    names = [f"crv_{number}" for number in range(60)]

    def spread_of(true: float) -> float:
        effects = random.normal(0, true, 60)
        codes = random.integers(0, 60, 12_000)
        engaged = (random.random(12_000) < 1 / (1 + np.exp(1 - effects[codes]))).astype(np.int64)
        plays = np.ones(12_000, dtype=np.int64)
        words = tuple(names[code] for code in codes)
        rows = Observations(("desk",) * 12_000, ("drinks",) * 12_000, words, np.full(12_000, -1.0), plays, engaged)
        return learn(rows).prior.arm

    assert spread_of(0.0) == 0.1
    assert spread_of(0.8) == 0.8


def test_nothing_observed_is_the_prior():
    nothing = learn(Observations((), (), (), np.empty(0), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)))

    assert nothing.arms == nothing.words == ()
    np.testing.assert_allclose(nothing.precision, np.diag([1.0, 0.3**-2.0]))


def test_a_document_reads_as_what_was_written():
    posterior = learn(observed(200))

    read = Posterior.read(posterior.document())

    assert read.digest() == posterior.digest()
    assert (read.words, read.arms, read.prior) == (posterior.words, posterior.arms, posterior.prior)
    assert len(posterior.document()) < 5000


def changed(posterior: Posterior, **arrays: np.ndarray) -> bytes:
    return replace(posterior, **arrays).document()


def test_a_broken_document_is_refused():
    posterior = learn(observed(50))
    whole = posterior.document()

    for broken in (b"", b"x" * 100, whole[: len(whole) // 2]):
        with pytest.raises(UnusablePosterior, match="learn it again"):
            Posterior.read(broken)
    with pytest.raises(UnusablePosterior, match="shape"):
        Posterior.read(changed(posterior, effects=np.zeros(1)))
    with pytest.raises(UnusablePosterior, match="finite"):
        Posterior.read(changed(posterior, effects=np.full(3, np.nan)))
    with pytest.raises(UnusablePosterior, match="positive definite"):
        Posterior.read(changed(posterior, precision=-posterior.precision))


def test_a_document_of_another_format_is_refused():
    posterior = learn(observed(50))
    with np.load(io.BytesIO(posterior.document())) as archive:
        arrays = dict(archive)
    about = json.loads(arrays["about"].tobytes()) | {"format": 99}
    target = io.BytesIO()
    np.savez(target, **(arrays | {"about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}))

    with pytest.raises(UnusablePosterior, match="another format"):
        Posterior.read(target.getvalue())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"logits": np.array([np.inf])}, "finite"),
        ({"plays": np.array([0])}, "at least one play"),
        ({"engaged": np.array([2])}, "at least one play"),
        ({"scenes": ("a", "b")}, "one length"),
        ({"positions": (0, 1)}, "for every row"),
        ({"positions": (-1,)}, "from 0"),
    ],
)
def test_observations_that_cannot_be_are_refused(change, says):
    good = {
        "scenes": ("a",), "categories": ("b",), "creatives": ("c",), "logits": np.array([0.0]),
        "plays": np.array([1]), "engaged": np.array([1]),
    }  # fmt: skip

    with pytest.raises(UnusableObservations, match=says):
        Observations(**(good | change))


@pytest.mark.parametrize("spread", [0.0, -1.0, float("nan"), 1000.0])
def test_an_impossible_prior_is_refused(spread):
    with pytest.raises(ValueError, match="above 0"):
        Prior(arm=spread)
