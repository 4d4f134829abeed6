"""An active challenge: a few random things to do before the camera, that no picture and no older video can answer."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any, Final, Self

LIFETIME: Final = timedelta(seconds=90)
"""How long a challenge may be answered: the steps take about ten seconds, and people read first."""

MOST_LOOKS: Final = 24
"""Most looks of one answer."""


class StepKind(StrEnum):
    """What a person is asked to do."""

    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    CLOSE_EYES = "close_eyes"
    COME_CLOSER = "come_closer"
    FLASHES = "flashes"


TURNS: Final = frozenset({StepKind.TURN_LEFT, StepKind.TURN_RIGHT})
"""Every challenge asks for one at least: of all acts only a turn shows that a head has depth."""


class Colour(StrEnum):
    """A colour that the whole screen shows, so that the face reflects it."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"
    CYAN = "cyan"
    MAGENTA = "magenta"
    YELLOW = "yellow"

    @property
    def light(self) -> tuple[float, float, float]:
        """Red, green and blue of the screen, linear, 0 to 1."""
        return _LIGHTS[self]


_LIGHTS: Final = {
    Colour.RED: (1.0, 0.0, 0.0),
    Colour.GREEN: (0.0, 1.0, 0.0),
    Colour.BLUE: (0.0, 0.0, 1.0),
    Colour.CYAN: (0.0, 1.0, 1.0),
    Colour.MAGENTA: (1.0, 0.0, 1.0),
    Colour.YELLOW: (1.0, 1.0, 0.0),
}

ACT_SECONDS: Final = 3.0
ACT_LOOKS: Final = 8
"""Looks asked for while a person acts: whoever closes the eyes for a second is seen so twice, and a turn of the head is
seen often enough to tell it from a picture's (:mod:`faceid.liveness.turning`)."""

COLOUR_SECONDS: Final = 0.5
"""Two changes a second stay below the three flashes of WCAG 2.2, success criterion 2.3.1."""

COLOURS: Final = 8
"""Flashes of one step, 6 x 5^7 sequences, none with the same colour twice in a row."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Attributes:
        kind: what.
        seconds: how long it takes.
        looks: how many looks are expected, evenly spread over the step.
        colours: for flashes, what the screen shows, each for the same time.
    """

    kind: StepKind
    seconds: float
    looks: int
    colours: tuple[Colour, ...] = ()

    def colour(self, at: float) -> Colour:
        """Return what the screen shows ``at`` seconds after the step began."""
        number = int(at / self.seconds * len(self.colours))
        return self.colours[min(max(number, 0), len(self.colours) - 1)]


@dataclass(frozen=True, slots=True)
class Challenge:
    """A drawn challenge; whoever drew it remembers that it was answered.

    Attributes:
        nonce: 32 hexadecimal digits, drawn at random, never used twice.
        session: whom the challenge was given to; an answer from anybody else does not count.
        steps: in order.
        drawn_at, expires_at: with time zone.
    """

    nonce: str
    session: str
    steps: tuple[Step, ...]
    drawn_at: datetime
    expires_at: datetime

    @classmethod
    def draw(cls, rng: Random, at: datetime, *, session: str, lifetime: timedelta = LIFETIME) -> Self:
        """Draw two things to act, a turn of the head among them, and a sequence of flashes, in random order.

        Args:
            rng: ``random.SystemRandom()`` outside tests: whoever can guess the steps can film them beforehand.
            at: now, with time zone.
            session: whom the challenge is for, for instance the device.
            lifetime: until when it may be answered.
        """
        acts = _acts(rng)
        steps = [Step(kind, ACT_SECONDS, ACT_LOOKS) for kind in acts]
        steps.insert(rng.randrange(3), Step(StepKind.FLASHES, COLOURS * COLOUR_SECONDS, COLOURS, _colours(rng)))
        return cls(f"{rng.getrandbits(128):032x}", session, tuple(steps), at, at + lifetime)

    @property
    def seconds(self) -> float:
        """Time all steps take together."""
        return sum(step.seconds for step in self.steps)

    def begins(self, number: int) -> float:
        """Return when a step begins, in seconds after the first."""
        return sum(step.seconds for step in self.steps[:number])

    def step_at(self, at: float) -> int | None:
        """Return the number of the step that runs ``at`` seconds after the first began; None before and after."""
        for number, step in enumerate(self.steps):
            if self.begins(number) <= at < self.begins(number) + step.seconds:
                return number
        return None

    def looks_at(self) -> tuple[float, ...]:
        """Return when looks are best taken: late in each part of a step, when screen and camera have followed."""
        return tuple(
            round(self.begins(number) + (part + 0.8) * step.seconds / step.looks, 3)
            for number, step in enumerate(self.steps)
            for part in range(step.looks)
        )

    def is_answered_by(self, nonce: str, session: str) -> bool:
        """Return whether an answer names this challenge, in constant time."""
        return hmac.compare_digest(f"{nonce} {session}".encode(), f"{self.nonce} {self.session}".encode())

    def to_document(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return {
            "nonce": self.nonce,
            "session": self.session,
            "drawn_at": self.drawn_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "steps": [[step.kind, step.seconds, step.looks, list(step.colours)] for step in self.steps],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the challenge that :meth:`to_document` wrote.

        Raises:
            ValueError, KeyError, TypeError: another document.
        """
        steps = tuple(
            Step(StepKind(kind), float(seconds), int(looks), tuple(Colour(colour) for colour in colours))
            for kind, seconds, looks, colours in document["steps"]
        )
        drawn_at, expires_at = (datetime.fromisoformat(document[name]) for name in ("drawn_at", "expires_at"))
        return cls(str(document["nonce"]), str(document["session"]), steps, drawn_at, expires_at)


def _acts(rng: Random) -> list[StepKind]:
    """Draw two acts until one is a turn: ten ordered pairs, each as likely as any other."""
    while True:
        acts: list[StepKind] = rng.sample([kind for kind in StepKind if kind is not StepKind.FLASHES], 2)
        if TURNS & set(acts):
            return acts


def _colours(rng: Random) -> tuple[Colour, ...]:
    chosen: list[Colour] = []
    while len(chosen) < COLOURS:
        chosen.append(rng.choice([colour for colour in Colour if chosen[-1:] != [colour]]))
    return tuple(chosen)
