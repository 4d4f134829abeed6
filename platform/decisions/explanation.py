"""Explain a logged decision on demand: to the person it was made for, and to those who answer for it.

Who is told what:

- Whoever holds the link of a place is told about place, time, payment and chance. Only within an hour, and only when
  the decision was for one person who stood there alone and still consents to personal choices, it also says what of
  their past spoke for it: the link was on that screen, before that person, and names nobody.
- A privacy officer, by the API, is told how much each subject of each person's past did, without names, as long as the
  person consents.
- After a withdrawal or an erasure place and time are all that is told to anybody.

Nothing is stored: every answer is computed from the log and from what is remembered at that moment.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import catalog.looks
from core.ids import public_id
from core.tenancy import operator_scope
from decisions import links, selectors
from decisions.because import because, subjects_of
from decisions.counterfactual import Changed, Counterfactual, counterfactual
from decisions.errors import UnknownExplanation
from decisions.models import Basis, Choice, Decision
from decisions.reasons import impersonal
from decisions.recollection import Recollection, Remembered, recollect
from recsys.explain.attribution import HISTORY_LENGTH, VIEWER, Attribution
from recsys.explain.errors import ExplanationRefused
from recsys.features import PICTURE, Item
from recsys.pictures.looks import Vector
from registry.explainers import Explained, explained
from signage.policies import PERSONALISE

logger = logging.getLogger(__name__)

TOLD_FOR = timedelta(hours=1)
"""How long a link tells what somebody looked at: as long as a visit lasts, since a code may be photographed."""

UNMOVED = Attribution("occlusion", 0.0, 0.0, ())
"""Of a ranker that gives everything the same score, whoever stands there."""


class Personal(StrEnum):
    """Whether what is personal is told, or why not."""

    TOLD = "told"
    NONE_USED = "none_used"
    NOT_ALONE = "not_alone"
    TOO_LATE = "too_late"
    ENDED = "ended"
    NOT_KEPT = "not_kept"


@dataclass(frozen=True, slots=True)
class Subject:
    """What one subject of somebody's past did to the score.

    Attributes:
        times: how often they had engaged with it.
        amount: log-odds.
    """

    category: str
    times: int
    amount: float


@dataclass(frozen=True, slots=True)
class Influence:
    """What knowing one person did to the score of a place; they are known by their place among the viewers only.

    Attributes:
        method: `integrated_gradients` or `occlusion`.
        score, baseline: estimated probability's log-odds; with and without knowing them and seeing the creative.
        picture: what the looks of the creative did, to them as to anybody; log-odds, 0 where the model looks at none.
        key: what their pseudonym did, by what the model learnt under it; log-odds.
        length: what the length of their history did, where the model looks at it; log-odds.
        residual: what all this leaves unexplained, log-odds.
    """

    method: str
    score: float
    baseline: float
    picture: float
    key: float
    length: float
    subjects: tuple[Subject, ...]
    residual: float


@dataclass(frozen=True, slots=True)
class PlaceExplained:
    """Why one creative was at one place of one screen.

    Attributes:
        reasons: plain sentences about place, time, payment and chance.
        because: plain sentences to the person about their own past; empty unless ``personal`` is ``told``.
        counterfactual: None where it cannot be computed, or where no personal data took part.
    """

    operator_id: UUID
    decision: Decision
    choice: Choice
    reasons: tuple[str, ...]
    because: tuple[str, ...]
    personal: Personal
    counterfactual: Counterfactual | None


@dataclass(frozen=True, slots=True)
class Accounted:
    """The same for those who answer for decisions.

    Attributes:
        influences: of those the decision was personal for and who still consent, in the log's order.
        ended: of how many others nothing may be told any more.
        changed: what is not as it was when the decision was made.
    """

    decision: Decision
    choice: Choice
    reasons: tuple[str, ...]
    influences: tuple[Influence, ...]
    ended: int
    counterfactual: Counterfactual | None
    changed: frozenset[Changed]


def of_link(token: str, *, at: datetime) -> PlaceExplained:
    """Explain the place that a link stands for; the link is the credential, so no operator's scope is entered before.

    Raises:
        UnknownExplanation: the link was changed, or its decision is gone.
    """
    operator_id, decision_id, position = links.read(token)
    with operator_scope(operator_id):
        return _for_person(operator_id, decision_id, position, at)


def _for_person(operator_id: UUID, decision_id: UUID, position: int, at: datetime) -> PlaceExplained:
    decision, choice = _choice(operator_id, decision_id, position)
    recollection = recollect(operator_id=operator_id, decision=decision, at=at)
    personal = _personal(decision, recollection, at)
    # without personal data there is nothing to take apart, and no model to load
    found = None if personal is Personal.NONE_USED else explained(operator_id=operator_id, model=decision.model)
    sentences: list[str] = []
    if personal is Personal.TOLD:
        attribution = _attribution(found, recollection, recollection.remembered[0], choice, decision)
        if attribution is None:
            personal = Personal.NOT_KEPT
        else:
            sentences = because(attribution, recollection.remembered[0], at=decision.at, timezone=recollection.timezone)
    return PlaceExplained(
        operator_id=operator_id,
        decision=decision,
        choice=choice,
        reasons=tuple(choice.reasons if personal is Personal.TOLD else impersonal(choice.reasons)),
        because=tuple(sentences),
        personal=personal,
        counterfactual=_without(operator_id, decision, recollection, found, frozenset({PERSONALISE})),
    )


def for_officer(
    *, operator_id: UUID, decision_id: UUID, position: int, without: frozenset[str], at: datetime
) -> Accounted:
    """Explain one place of a decision to those who answer for it.

    Args:
        without: purposes of consent that the counterfactual leaves out.

    Raises:
        UnknownExplanation: there is no such decision or place.
    """
    decision, choice = _choice(operator_id, decision_id, position)
    recollection = recollect(operator_id=operator_id, decision=decision, at=at)
    found = explained(operator_id=operator_id, model=decision.model)
    influences = [
        _influence(attribution, remembered)
        for remembered in recollection.remembered
        if (attribution := _attribution(found, recollection, remembered, choice, decision))
    ]
    compared = _without(operator_id, decision, recollection, found, without)
    changed = compared.changed if compared else frozenset[Changed]()
    return Accounted(
        decision=decision,
        choice=choice,
        reasons=tuple(choice.reasons if recollection.remembered else impersonal(choice.reasons)),
        influences=tuple(influences),
        ended=recollection.unspoken,
        counterfactual=compared,
        changed=changed if found else changed | {Changed.MODEL},
    )


def _choice(operator_id: UUID, decision_id: UUID, position: int) -> tuple[Decision, Choice]:
    found = Decision.objects.filter(operator_id=operator_id, id=decision_id).prefetch_related("choices").first()
    choices = selectors.choices_of(found) if found is not None else []
    choice = next((one for one in choices if one.position == position), None)
    if found is None or choice is None:
        raise UnknownExplanation("This decision is no longer kept, or has no such place.")
    return found, choice


def _personal(decision: Decision, recollection: Recollection, at: datetime) -> Personal:
    if decision.basis != Basis.PERSONAL:
        return Personal.NONE_USED
    if recollection.unspoken:
        return Personal.ENDED
    if not recollection.alone:
        return Personal.NOT_ALONE
    return Personal.TOLD if at - decision.at <= TOLD_FOR else Personal.TOO_LATE


def _attribution(
    found: Explained | None, recollection: Recollection, remembered: Remembered, choice: Choice, decision: Decision
) -> Attribution | None:
    """Take the score of a place apart for one person; None where the model cannot be asked."""
    if found is None:
        return None
    if found.explainer is None:
        return UNMOVED
    item = Item(public_id("crv", choice.creative_id), choice.category, choice.advertiser or None)
    try:
        picture = _picture(found, choice, decision)
        return found.explainer.explain(recollection.context, remembered.viewer, item, picture=picture)
    except ExplanationRefused as error:
        logger.error("The score of %s cannot be taken apart: %s", choice.public_id, error)
        return None


def _picture(found: Explained, choice: Choice, decision: Decision) -> Vector | None:
    """Return what the creative looked like when it was chosen; None for a model that looks at no pictures."""
    if not found.vision:
        return None
    return catalog.looks.of_creative(
        operator_id=decision.operator_id, creative_id=choice.creative_id, seen_by=found.vision, at=decision.at
    )


def _influence(attribution: Attribution, remembered: Remembered) -> Influence:
    subjects = [
        Subject(category, len(past.moments), past.amount)
        for category, past in subjects_of(attribution, remembered).items()
    ]
    return Influence(
        method=attribution.method,
        score=attribution.score,
        baseline=attribution.baseline,
        picture=attribution.of(PICTURE),
        key=attribution.of(VIEWER),
        length=attribution.of(HISTORY_LENGTH),
        subjects=tuple(sorted(subjects, key=lambda one: -abs(one.amount))),
        residual=attribution.residual,
    )


def _without(
    operator_id: UUID, decision: Decision, recollection: Recollection, found: Explained | None, without: frozenset[str]
) -> Counterfactual | None:
    if found is None or decision.basis == Basis.HOUSE:
        return None
    return counterfactual(
        operator_id=operator_id, decision=decision, choices=selectors.choices_of(decision), recollection=recollection,
        ranker=found.ranker, without=without,
    )  # fmt: skip
