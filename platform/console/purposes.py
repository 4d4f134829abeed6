"""What the pages call the purposes of consent."""

from collections.abc import Mapping
from typing import NamedTuple

from subjects.purposes import EXPLANATIONS, Purpose

LABELS: Mapping[str, str] = {
    Purpose.RECOGNISE: "Recognise me",
    Purpose.PERSONALISE: "Choose for me",
    Purpose.LEARN: "Learn from me",
    Purpose.MEASURE: "Count me",
    Purpose.SHARE: "Share counts",
}


class Explained(NamedTuple):
    """A purpose in the words of a page."""

    value: str
    name: str
    meaning: str


def explained(texts: Mapping[str, str] = EXPLANATIONS) -> list[Explained]:
    """Return the purposes that ``texts`` explain, in one fixed order."""
    return [Explained(purpose.value, LABELS[purpose], texts[purpose]) for purpose in Purpose if purpose in texts]
