"""Why something is shown, in plain sentences; they are read beside the screen, so they name nobody."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from decisions.audience import Audience
from decisions.models import Basis

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOUSE_REASONS = (
    "The screen could not choose by itself just now, so it shows the house's own content.",
    "No personal data was used.",
)

LIKED = "Somebody here engaged with "
"""How the one sentence begins that tells what somebody liked."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all places of a slate have in common.

    Attributes:
        ground: the sentence that says what the choice rests on.
        liked: categories that somebody here engaged with before; only filled where nobody else stands beside them.
    """

    basis: Basis
    ground: str
    liked: frozenset[str]


def setting(audience: Audience, *, basis: Basis, venue_name: str, moment: datetime) -> Setting:
    """Return what all reasons of one decision have in common."""
    liked: frozenset[str] = frozenset()
    if audience.personal_allowed:
        liked = frozenset(behaviour.category for viewer in audience.viewers for behaviour in viewer.history)
    return Setting(basis, _ground(audience, basis, venue_name, moment), liked)


def reasons(
    setting: Setting, *, category: str, paid: bool, personal: bool, propensity: float, candidates: int
) -> list[str]:
    """Return the reasons for one place.

    Args:
        personal: the creative is meant for one person.
        propensity: the chance it had.
        candidates: how many creatives were eligible.
    """
    if setting.basis is Basis.HOUSE:
        return list(HOUSE_REASONS)
    sentences = [setting.ground]
    if category in setting.liked:
        sentences.append(f"{LIKED}{_words(category)} before.")
    if personal:
        sentences.append("It is meant for one person, and everybody here agreed to personal choices.")
    sentences.append("An advertiser pays for it." if paid else "Nobody pays for it: it is content of the house.")
    sentences.append(_chance(propensity, candidates))
    return sentences


def impersonal(told: Iterable[str]) -> list[str]:
    """Return reasons without what they tell about anybody's likings."""
    return [sentence for sentence in told if not sentence.startswith(LIKED)]


def _ground(audience: Audience, basis: Basis, venue_name: str, moment: datetime) -> str:
    when = f"{venue_name} on a {DAYS[moment.weekday()]} at {moment.hour:02}:{moment.minute:02}"
    if basis is not Basis.PERSONAL:
        return f"It fits {when}. No personal data was used."
    personalised = len(audience.personalised)
    others = max(audience.people - personalised, 0)
    who = "somebody" if personalised == 1 else f"{personalised} people"
    beside = f" and {others} others it knows nothing about" if others else ""
    return f"It fits {when}, and {who} here who agreed to personal choices{beside}."


def _chance(propensity: float, candidates: int) -> str:
    if candidates == 1:
        return "It was the only one that fits here now."
    drawn = f"It was drawn from {candidates} that fit, with a chance of {_percent(propensity)}"
    return f"{drawn}, so that the screen keeps learning."


def _words(category: str) -> str:
    return category.replace("_", " ").replace(".", ": ")


def _percent(propensity: float) -> str:
    percent = propensity * 100
    return "less than 1 %" if percent < 1 else f"{percent:.0f} %"
