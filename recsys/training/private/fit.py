"""Fitting a network so that its weights tell nothing about whether somebody was in the log.

What a usual training reads from the log besides gradients is left out: the bias does not begin at the log's rate,
nothing stops early on a validation part, and no calibration is fitted. The number of units counts as known.
"""

from __future__ import annotations

import math
import secrets
import time
from typing import Any

import numpy as np

from recsys.features import FeatureSpec
from recsys.training.dataset import Examples
from recsys.training.errors import TrainingRefused
from recsys.training.private.accountant import NAME, epsilon_of, noise_for
from recsys.training.private.step import PrivateStep, with_noise
from recsys.training.private.terms import PrivacyReport, PrivacyTerms
from recsys.training.private.units import gather
from recsys.training.progress import Progress, silent
from recsys.training.tensorflow import keras

MOMENTUM = 0.9
TOLD_EVERY = 20


class PrivacyUnreachable(TrainingRefused):
    """No noise keeps the training within its epsilon."""

    code = "privacy_unreachable"


def fit_privately(
    network: Any,
    train: Examples,
    spec: FeatureSpec,
    terms: PrivacyTerms,
    *,
    entropy: int | None = None,
    progress: Progress = silent,
) -> PrivacyReport:
    """Fit an untrained network on the train part within the terms.

    Args:
        entropy: what the draws and the noise begin from, for tests only: whoever knows it can take the noise off
            again. None asks the operating system, so that no two trainings are alike.

    Raises:
        PrivacyUnreachable: no noise that leaves anything to be learnt keeps the terms; nothing was looked at but the
            number of units.
    """
    started = time.perf_counter()
    random = np.random.Generator(np.random.Philox(secrets.randbits(128) if entropy is None else entropy))
    units = gather(train, terms.unit, terms.rows_per_unit, random)
    rate = min(1.0, terms.per_step / len(units))
    steps = max(1, math.ceil(terms.passes / rate))
    try:
        noise = noise_for(terms.epsilon, sampling_rate=rate, steps=steps, delta=terms.delta)
    except ValueError as error:
        raise PrivacyUnreachable(f"{error}; take fewer passes, or a larger epsilon") from error
    step = PrivateStep(network, spec, terms.clip)
    optimizer = keras.optimizers.SGD(terms.learning_rate, momentum=MOMENTUM)
    drawn = clipped = 0
    for number in range(steps):
        rows, starts = units.draw(rate, random)
        sums, norms = step.clipped_sum(train.feeds, train.labels, rows, starts)
        drawn, clipped = drawn + len(norms), clipped + int((norms > terms.clip).sum())
        noisy = with_noise(sums, noise=noise, clip=terms.clip, expected=rate * len(units), random=random)
        optimizer.apply_gradients(zip(noisy, network.trainable_variables, strict=True))
        if (number + 1) % TOLD_EVERY == 0 or number + 1 == steps:
            spent = epsilon_of(noise, sampling_rate=rate, steps=number + 1, delta=terms.delta)
            progress("private", number + 1, steps, f"epsilon {spent:.3f} of {terms.epsilon:g}")
    return PrivacyReport(
        epsilon=epsilon_of(noise, sampling_rate=rate, steps=steps, delta=terms.delta),
        delta=terms.delta,
        unit=terms.unit,
        noise=noise,
        clip=terms.clip,
        sampling_rate=rate,
        steps=steps,
        units=len(units),
        clipped=clipped / max(1, drawn),
        parameters=sum(int(np.prod(variable.shape)) for variable in network.trainable_variables),
        accountant=NAME,
        seconds=time.perf_counter() - started,
    )
