"""Why something is shown, in plain sentences; they are read beside the screen, so they name nobody."""

from dataclasses import dataclass
from datetime import datetime

from decisions.audience import Audience
from decisions.models import Basis

HOUSE_REASONS = (
    "The screen could not choose by itself just now, so it shows the house's own content.",
    "No personal data was used.",
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What all places of a slate have in common.

    Attributes:
        liked: categories that somebody here engaged with before; only filled where nobody else stands beside them.
    """

    basis: Basis
    place: str
    moment: datetime
    personalised: int
    others: int
    liked: frozenset[str]


def setting(audience: Audience, *, basis: Basis, venue_name: str, moment: datetime) -> Setting:
    """Return what all reasons of one decision have in common."""
    liked: frozenset[str] = frozenset()
    if audience.personal_allowed:
        liked = frozenset(behaviour.category for viewer in audience.viewers for behaviour in viewer.history)
    personalised = len(audience.personalised)
    return Setting(basis, venue_name, moment, personalised, max(audience.people - personalised, 0), liked)


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
    sentences = [_ground(setting)]
    if category in setting.liked:
        sentences.append(f"Somebody here engaged with {_words(category)} before.")
    if personal:
        sentences.append("It is meant for one person, and everybody here agreed to personal choices.")
    sentences.append("An advertiser pays for it." if paid else "Nobody pays for it: it is content of the house.")
    sentences.append(_chance(propensity, candidates))
    return sentences


def _ground(setting: Setting) -> str:
    moment = f"{setting.place} on a {setting.moment:%A} at {setting.moment:%H:%M}"
    if setting.basis is Basis.CONTEXTUAL:
        return f"It fits {moment}. No personal data was used."
    who = "somebody" if setting.personalised == 1 else f"{setting.personalised} people"
    beside = f" and {setting.others} others it knows nothing about" if setting.others else ""
    return f"It fits {moment}, and {who} here who agreed to personal choices{beside}."


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
