"""What a person's own past did to a choice, in plain sentences for that person alone.

Only their own history and their own key are spoken of, by subject and number of times; nobody else, no figure of
others, and no subject that would tell about health, sex life or beliefs. Where the ranker looks at pictures, it is
said as well when the looks of the creative spoke for it: that is about the creative, whoever stands there. Sentences
are marked for translation.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, ngettext

from decisions.recollection import Remembered
from recsys.explain.attribution import VIEWER, Attribution
from recsys.features import PICTURE
from signage.policies import SENSITIVE_HISTORY, names

NOTICEABLE = 0.05
"""Log-odds below which nothing is said: about a percentage point of a probability of one half."""
WORTH_TELLING = 0.2
"""Share of what spoke for the choice from which on a subject is named."""
MOST_SUBJECTS = 2


@dataclass(slots=True)
class Past:
    """What somebody looked at of one subject.

    Attributes:
        amount: what it did to the score, log-odds.
    """

    moments: list[datetime] = field(default_factory=list)
    amount: float = 0.0


def because(attribution: Attribution, remembered: Remembered, *, at: datetime, timezone: str) -> list[str]:
    """Say to a person why the choice was made for them.

    Args:
        at: of the decision.
        timezone: IANA name of the venue's; "today" is its day.
    """
    return [*_personal(attribution, remembered, at, timezone), *_looks(attribution)]


def _personal(attribution: Attribution, remembered: Remembered, at: datetime, timezone: str) -> list[str]:
    if abs(attribution.personal) < NOTICEABLE:
        return [gettext("What is remembered of you made no difference to speak of.")]
    if attribution.personal < 0:
        return [gettext("What is remembered of you spoke rather against it: it was shown by chance, to keep learning.")]
    past = subjects_of(attribution, remembered)
    least = max(NOTICEABLE, WORTH_TELLING * sum(one.amount for one in past.values() if one.amount > 0))
    telling = sorted((subject for subject in past if past[subject].amount >= least), key=lambda one: -past[one].amount)
    sentences = [_looked_at(subject, past[subject].moments, at, timezone) for subject in telling[:MOST_SUBJECTS]]
    if attribution.of(VIEWER) >= max(NOTICEABLE, WORTH_TELLING * attribution.personal):
        sentences.append(gettext("Because of what the ranking learnt from your choices; you agreed to that."))
    return sentences or [gettext("Because of many small things you looked at before, taken together.")]


def _looks(attribution: Attribution) -> list[str]:
    """Say that a picture spoke for its creative, if it did to speak of."""
    if attribution.of(PICTURE) < max(NOTICEABLE, WORTH_TELLING * attribution.difference):
        return []
    return [gettext("Because of how it looks: that speaks for it, whoever stands here.")]


def subjects_of(attribution: Attribution, remembered: Remembered) -> Mapping[str, Past]:
    """Return what each subject in somebody's history did to the score; sensitive ones are left out."""
    found: dict[str, Past] = defaultdict(Past)
    places = attribution.by_place()
    for place, (behaviour, moment) in enumerate(zip(remembered.viewer.history, remembered.moments, strict=True)):
        if not names(SENSITIVE_HISTORY, behaviour.category):
            past = found[behaviour.category]
            past.moments.append(moment)
            past.amount += places.get(place, 0.0)
    return found


def subject_words(category: str) -> str:
    """Return a category as one says it: `fashion.running_shoes` is running shoes."""
    return category.rpartition(".")[2].replace("_", " ")


def _looked_at(category: str, moments: Sequence[datetime], at: datetime, timezone: str) -> str:
    subject, when = subject_words(category), _since(min(moments), at, timezone)
    if len(moments) == 2:
        return gettext("Because you looked at %(subject)s twice %(when)s.") % {"subject": subject, "when": when}
    return ngettext(
        "Because you looked at %(subject)s %(when)s.",
        "Because you looked at %(subject)s %(count)d times %(when)s.",
        len(moments),
    ) % {"subject": subject, "count": len(moments), "when": when}


def _since(first: datetime, at: datetime, timezone: str) -> str:
    """Say within which time something began, by the days of the venue."""
    zone = ZoneInfo(timezone)
    if first.astimezone(zone).date() == at.astimezone(zone).date():
        return gettext("today")
    if at - first <= timedelta(days=7):
        return gettext("this week")
    if at - first <= timedelta(days=31):
        return gettext("this month")
    return gettext("in the past months")
