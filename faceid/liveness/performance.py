"""Made answers to a challenge, from one photograph that moves: synthetic, for tests and demonstrations of the flow."""

from collections.abc import Callable

import numpy as np

from faceid.frame import Frame, from_rgb
from faceid.liveness.challenge import Challenge, Step, StepKind
from faceid.liveness.sitter import Moment, Sitter
from faceid.liveness.videos import live

YAW = 55.0
"""Degrees a sitter turns; a photograph without the far side of the face shows about half of it."""

LIGHT = 0.12
"""Light of a bright screen at arm's length, in units of ordinary light in a room."""

LAG = 0.12
"""Seconds between the screen's colour and the camera's picture of it."""


def performance(challenge: Challenge) -> Callable[[float], Moment]:
    """Return what somebody does who follows a challenge: acts for the middle of each step, reflects every flash."""

    def moment(at: float) -> Moment:
        number = challenge.step_at(max(at - LAG, 0.0))
        if number is None:
            return Moment()
        step = challenge.steps[number]
        return _acted(step, at - LAG - challenge.begins(number))

    return moment


def _acted(step: Step, at: float) -> Moment:
    extent = float(np.clip(min(at - 0.6, step.seconds - 0.4 - at) / 0.4, 0.0, 1.0))
    match step.kind:
        case StepKind.TURN_LEFT:
            return Moment(yaw=YAW * extent)
        case StepKind.TURN_RIGHT:
            return Moment(yaw=-YAW * extent)
        case StepKind.CLOSE_EYES:
            return Moment(closed=extent)
        case StepKind.COME_CLOSER:
            return Moment(nearer=1.0 + 0.4 * extent)
        case StepKind.FLASHES:
            red, green, blue = step.colour(at).light
            return Moment(light=(LIGHT * red, LIGHT * green, LIGHT * blue))


def perform(
    sitter: Sitter, challenge: Challenge, *, seed: int = 0, acted: Callable[[float], Moment] | None = None
) -> tuple[list[Frame], list[float]]:
    """Film a sitter at the moments in which a kiosk takes its looks.

    Args:
        sitter: who answers.
        challenge: what is asked.
        seed: of sway and noise.
        acted: what is done instead of what is asked.

    Returns:
        Frames and their times in seconds since the first step began.
    """
    times = list(challenge.looks_at())
    film = live(sitter, times=times, seed=seed, performance=acted or performance(challenge))
    return [from_rgb(image) for image in film.frames], times
