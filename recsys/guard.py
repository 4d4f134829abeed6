"""What a ranking model may never be told.

Biometrics link identity and nothing else: nothing read from a face becomes a feature, nor any attribute that the law
protects people from being sorted by. What merely stands in for such an attribute, or for wealth, is denied by the lists
of scenes. A feature set that breaks this is refused by name, before a single row is read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType


class Ground(StrEnum):
    """Why a feature is refused."""

    FACE = "face"
    PROTECTED = "protected"
    DENIED = "denied"


_MEANINGS = {
    Ground.FACE: "is derived from a person's face or body; no model may use it",
    Ground.PROTECTED: "is an attribute that nobody may be sorted by; no model may use it",
    Ground.DENIED: "is on the list of what a scene denies",
}

_FACE_ROOTS = (
    "embedding", "template", "facial", "biometric", "landmark", "liveness", "fingerprint", "emotion", "skintone",
    "complexion", "arcface",
)  # fmt: skip
"""Parts of words that mean the same wherever they stand."""

_PROTECTED_ROOTS = (
    "gender", "ethnic", "racial", "nationalit", "religio", "birthda", "pregnan", "marital", "genetic", "citizenship",
)  # fmt: skip

_FACE_WORDS = re.compile(
    r"(s?face(?!t)\w*|probes?|iris(es)?|gait|moods?|smil(e|es|ing)|valence|arousal|skin|hair|beard|glasses)"
)
"""Whole words only: `page`, `surface` and `facet` are innocent."""

_PROTECTED_WORDS = re.compile(
    r"(age(s|d|group|band|bucket|range|years?|class)?|birth(year|date|place)?|dob|sex(es|ual|uality)?|male|female"
    r"|races?|caste|religion|creed|disab(led|ilit(y|ies))|political|married|widow(ed|er)?|divorced|immigra(nt|tion)|refugee)"
)

_PERSON_WORDS = frozenset(
    {"viewer", "viewers", "person", "people", "subject", "visitor", "user", "customer", "guest", "passerby", "audience"}
)
_SIGHT_WORDS = frozenset(
    {"picture", "pictures", "photo", "photos", "image", "images", "frame", "frames", "look", "looks"}
)
_CAMERA_WORDS = re.compile(r"cameras?|webcams?|cctv|selfies?|headshots?|mugshots?")

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])|[\W_]+")

WEALTH, ORIGIN, HEALTH = "wealth", "origin", "health"

FAMILIES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        WEALTH: frozenset(
            {
                "income", "salary", "wage", "wages", "wealth", "wealthy", "affluence", "affluent", "net worth",
                "purchasing power", "credit score", "credit rating", "credit limit", "fico", "debt", "postcode",
                "post code", "postal code", "zip", "zipcode", "zip code", "plz", "census tract", "census block",
                "neighbourhood", "neighborhood", "deprivation", "house price", "house value", "property value",
                "rent", "mortgage", "homeowner", "occupation", "job title", "employer", "phone model",
                "device model", "car make", "car model", "vehicle make", "vehicle model", "licence plate",
                "license plate", "number plate",
            }
        ),
        ORIGIN: frozenset(
            {
                "surname", "last name", "lastname", "family name", "first name", "firstname", "given name",
                "full name", "country of birth", "place of birth", "native language", "mother tongue",
                "native country", "accent", "licence plate", "license plate",
            }
        ),
        HEALTH: frozenset(
            {
                "diagnosis", "diagnoses", "prescription", "prescriptions", "medication", "medications", "symptom",
                "symptoms", "bmi", "body weight", "heart rate", "blood pressure", "disease", "insurance claim",
                "insurance claims",
            }
        ),
    }
)  # fmt: skip
"""Names, as words, of what stands in for something else; a deny list may hold the name of the whole family."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One feature that may not be used.

    Attributes:
        entry: the entry of the deny list that names it; empty on the other grounds.
    """

    name: str
    ground: Ground
    entry: str = ""

    def __str__(self) -> str:
        listed = f" ({self.entry})" if self.entry else ""
        return f"feature {self.name!r} {_MEANINGS[self.ground]}{listed}"


class ForbiddenFeature(ValueError):
    """A feature may not be used; says which and why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding
        self.name = finding.name


@dataclass(frozen=True, slots=True)
class FeaturePolicy:
    """What a feature set may hold. Faces and protected attributes are refused always, whatever the list says.

    Attributes:
        denied: names of features (`venue`), patterns of names (`loyalty_*`) and families (`wealth`, `origin`,
            `health`), as a scene's policy lists them.
    """

    denied: frozenset[str] = frozenset()

    def refuse(self, names: Iterable[str]) -> None:
        """Refuse a feature set that holds what it may not.

        Args:
            names: feature or column names in any spelling (snake_case, CamelCase, kebab-case).

        Raises:
            ForbiddenFeature: names the first offender.
        """
        for finding in self.findings(names):
            raise ForbiddenFeature(finding)

    def findings(self, names: Iterable[str]) -> list[Finding]:
        """Return everything that may not be used, in the order of the names."""
        return [finding for name in names if (finding := self.finding(name)) is not None]

    def finding(self, name: str) -> Finding | None:
        """Return why a feature of this name may not be used; None when it may.

        The embedding of a *creative* is no embedding of a person, so `creative_embedding` alone is let through, as is
        `creative_picture`, which describes what somebody uploaded to be shown. The picture of a viewer, or anything of
        a camera, is of a face.
        """
        words = _words(name)
        own = [word for word in words if word != "embedding"] if words[:1] == ["creative"] else words
        if _of_a_camera(words):
            return Finding(name, Ground.FACE)
        if any(_FACE_WORDS.fullmatch(word) or any(root in word for root in _FACE_ROOTS) for word in own):
            return Finding(name, Ground.FACE)
        if any(_PROTECTED_WORDS.fullmatch(word) or any(root in word for root in _PROTECTED_ROOTS) for word in own):
            return Finding(name, Ground.PROTECTED)
        entry = self._entry(words)
        return None if entry is None else Finding(name, Ground.DENIED, entry)

    def denies(self, name: str) -> bool:
        """Return whether the list names a feature."""
        return self._entry(_words(name)) is not None

    def _entry(self, words: list[str]) -> str | None:
        spelt, padded = "_".join(words), f" {' '.join(words)} "
        for entry in sorted(self.denied):
            family = FAMILIES.get(entry, frozenset())
            if fnmatchcase(spelt, entry.casefold()) or any(f" {member} " in padded for member in family):
                return entry
        return None


ALWAYS = FeaturePolicy()
"""What holds everywhere, whichever scene."""


def refuse_forbidden(names: Iterable[str]) -> None:
    """Refuse a feature set that holds what no model may use anywhere.

    Raises:
        ForbiddenFeature: names the first offender.
    """
    ALWAYS.refuse(names)


def is_forbidden(name: str) -> bool:
    """Tell whether no model may use a feature of this name anywhere."""
    return ALWAYS.finding(name) is not None


def _of_a_camera(words: list[str]) -> bool:
    seen = set(words)
    return bool(seen & _SIGHT_WORDS and seen & _PERSON_WORDS) or any(_CAMERA_WORDS.fullmatch(word) for word in words)


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _BOUNDARY.split(unicodedata.normalize("NFKC", name)) if word]
