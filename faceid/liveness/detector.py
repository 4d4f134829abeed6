"""One decision on one capture: every method that has evidence, joined, held against a policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from faceid.liveness import networks, plugged
from faceid.liveness.bundle import DIRECTORY, Bundle
from faceid.liveness.calibration import CameraCalibration, calibrated
from faceid.liveness.capture import Capture
from faceid.liveness.dynamics import Dynamics
from faceid.liveness.fusion import limited, probability, without_life
from faceid.liveness.infrared import Infrared
from faceid.liveness.method import Evidence, Method
from faceid.liveness.motion import Motion
from faceid.liveness.policy import SCREEN, Policy
from faceid.liveness.pulse import Pulse
from faceid.session import DEFAULT, Limits, require_provider

NO_EVIDENCE = "no_evidence"
"""Reason: no method found anything to judge."""

LIFELESS = "lifeless_film"
"""Reason: the capture is a film in which nothing lives, as of a picture held still or waved, whatever else is said."""

MISSING = "missing_"
"""Prefix of a reason: a method that the policy requires gave no evidence."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a capture was found to show. A suspicion is an answer like any other, never an error.

    Attributes:
        score: probability of a living person, 0 to 1, where living people and attacks are equally frequent.
        live: whether the capture passes the policy.
        threshold: least score that passes.
        evidence: what each method said, strongest suspicion first.
        reasons: why it does not pass, codes: names of the methods that spoke for an attack, strongest first;
            ``missing_<method>`` for a required one without evidence; ``lifeless_film`` before these methods where a
            film shows no life; ``no_evidence``. Empty when it passes.
    """

    score: float
    live: bool
    threshold: float
    evidence: tuple[Evidence, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LivenessDetector:
    """All methods with their fusion; safe to share between threads. Captures are kept nowhere."""

    methods: tuple[Method, ...]
    bundle: Bundle

    @classmethod
    def load(cls, models_dir: Path, limits: Limits = DEFAULT) -> Self:
        """Load what training left in ``liveness`` below the models directory.

        Args:
            models_dir: models directory.
            limits: threads, memory and execution provider of each network. The machines are numpy's and need none.

        Raises:
            ModelsUnavailable: a file is missing, damaged or cannot run here, or the provider is not there, whether or
                not there are networks.
        """
        require_provider(limits.provider)
        directory = models_dir / DIRECTORY
        bundle = Bundle.load(directory)
        return cls((*bundle.stills, *learnt(directory, limits), *FILM_METHODS), bundle)

    def judge(
        self,
        capture: Capture,
        policy: Policy = SCREEN,
        *,
        camera: CameraCalibration | None = None,
        extra: Sequence[Evidence] = (),
    ) -> Verdict:
        """Decide whether a capture shows a living person.

        Args:
            capture: one or several looks, perhaps with a near-infrared frame.
            policy: what is asked of it.
            camera: calibration of the camera that took it.
            extra: evidence from elsewhere, such as a challenge that was answered.
        """
        return self.verdict((*self.evidence(capture), *extra), policy, camera=camera)

    def evidence(self, capture: Capture) -> tuple[Evidence, ...]:
        """Ask every method; those without evidence are left out."""
        answers = (method.judge(capture) for method in self.methods)
        return tuple(answer for answer in answers if answer is not None)

    def verdict(
        self, evidence: Sequence[Evidence], policy: Policy = SCREEN, *, camera: CameraCalibration | None = None
    ) -> Verdict:
        """Join evidence and hold it against a policy; see :meth:`judge`."""
        shifts = dict(camera.shifts) if camera else {}
        score = probability(self.bundle.fusion.log_odds(evidence, shifts))
        threshold = self.bundle.thresholds[policy.purpose] if policy.threshold is None else policy.threshold
        told = tuple(sorted(evidence, key=lambda one: limited(one.score + shifts.get(one.method, 0.0))))
        missing = sorted(policy.required - {one.method for one in evidence})
        live = bool(evidence) and not missing and score >= threshold
        return Verdict(score, live, threshold, told, () if live else _reasons(told, missing, shifts))

    def calibrate_camera(self, captures: Sequence[Capture]) -> CameraCalibration:
        """Measure a camera on captures of people who are known to be alive.

        Args:
            captures: at least three, better ten, of different people, by this camera in its place and light.

        Raises:
            ValueError: fewer than three captures.
        """
        return calibrated([self.evidence(capture) for capture in captures], self.bundle.usual)


FILM_METHODS: tuple[Method, ...] = (Pulse(), Motion(), Infrared())
"""Methods that need no training: films and near-infrared."""


def learnt(directory: Path, limits: Limits = DEFAULT) -> tuple[Method, ...]:
    """Load the networks that were trained here and those that an operator plugged in; none is no error.

    Args:
        directory: of the liveness models.
        limits: threads, memory and execution provider of each network.

    Raises:
        ModelsUnavailable: a manifest is unreadable, or a file is not the one it names.
    """
    films = Dynamics.load(directory)
    return (*networks.load(directory, limits), *plugged.load(directory, limits), *((films,) if films else ()))


def _reasons(told: Sequence[Evidence], missing: Sequence[str], shifts: dict[str, float]) -> tuple[str, ...]:
    if not told:
        return (NO_EVIDENCE, *(MISSING + method for method in missing))
    against = [LIFELESS] if without_life(told) else []
    against += [one.method for one in told if one.score + shifts.get(one.method, 0.0) < 0.0]
    # Where nobody speaks against it and yet the sum falls short, the least convinced method is why.
    named = against or ([] if missing else [told[0].method])
    return (*(MISSING + method for method in missing), *named)
