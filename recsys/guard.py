"""What a ranking model may never be told.

Biometrics link identity and nothing else: nothing read from a face, and no attribute that could be guessed from one,
becomes a feature. A feature set that breaks this is refused by name, before a single row is read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_ROOTS = (
    "embedding",
    "template",
    "facial",
    "biometric",
    "landmark",
    "liveness",
    "fingerprint",
    "gender",
    "emotion",
    "ethnic",
    "racial",
    "nationalit",
    "religio",
    "skintone",
    "complexion",
    "birthda",
    "arcface",
)
"""Parts of words that mean the same wherever they stand."""

_WORDS = re.compile(
    r"(s?face(?!t)\w*|probes?|iris(es)?|gait|age(s|d|group|band|bucket|range|years?|class)?|birth(year|date)?|dob|sex(es|ual|uality)?"
    r"|male|female|moods?|smil(e|es|ing)|valence|arousal|races?|skin|hair|beard|glasses|religion|disabilit(y|ies))"
)
"""Whole words only: `page`, `surface` and `facet` are innocent."""

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])|[\W_]+")


class ForbiddenFeature(ValueError):
    """A feature is, or could be, derived from a face."""

    def __init__(self, name: str) -> None:
        super().__init__(f"feature {name!r} is derived from a person's face or body; no model may use it")
        self.name = name


def refuse_forbidden(names: Iterable[str]) -> None:
    """Refuse a feature set that holds anything derived from a face.

    Args:
        names: feature or column names in any spelling (snake_case, CamelCase, kebab-case).

    Raises:
        ForbiddenFeature: names the first offender.
    """
    for name in names:
        if is_forbidden(name):
            raise ForbiddenFeature(name)


def is_forbidden(name: str) -> bool:
    """Tell whether a feature of this name would be derived from a face.

    The embedding of a *creative* is no embedding of a person, so `creative_embedding` alone is let through.
    """
    words = [word.casefold() for word in _BOUNDARY.split(unicodedata.normalize("NFKC", name)) if word]
    if words[:1] == ["creative"]:
        words = [word for word in words if word != "embedding"]
    return any(_WORDS.fullmatch(word) or any(root in word for root in _ROOTS) for word in words)
