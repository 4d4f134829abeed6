"""Calibrating to one's own gallery: enrolled templates and, if possible, people who are not enrolled."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceid.evaluate.identification import (
    Searches,
    false_negative_rate,
    false_positive_rate,
    search,
)
from faceid.evaluate.intervals import LEVEL, rate_over_people, score_interval
from faceid.evaluate.verification import passing, threshold_at
from faceid.match import IMPOSTOR_MARGIN
from faceid.openset.calibration import Calibration
from faceid.openset.errors import CalibrationRefused
from faceid.openset.probability import LEAST_PAIRS, Curve, ScoreCalibrator, cross_fitted
from faceid.openset.templates import Templates
from faceid.openset.threshold import ImpostorScores, at_size, fit_threshold, independent_threshold

Array = NDArray[np.float64]

MARGINS = (0.0, 0.02, 0.05, 0.08, 0.1, 0.15)
LEAST_SUBJECTS = 2
_MOST_PAIRS = 200_000
_LEVELS = np.linspace(-1.0, 1.0, 4001)


@dataclass(frozen=True, slots=True)
class Request:
    """What to calibrate to.

    Attributes:
        target: false positive identification rate to keep, between 0 and 1.
        gallery_size: subjects; None: as many as are enrolled.
        margin: least distance between best and second-best subject.
        cautious: take the upper end of the threshold's interval instead of its middle.
        worst_cohort: take the threshold of the cohort that needs the highest.
        curve: shape of the calibrated probability.
        level: confidence of the intervals.
    """

    target: float
    gallery_size: int | None = None
    margin: float = IMPOSTOR_MARGIN
    cautious: bool = False
    worst_cohort: bool = False
    curve: Curve = Curve.LOGISTIC
    level: float = LEVEL


def calibrate(
    enrolled: Templates,
    impostors: Templates | None,
    request: Request,
    *,
    at: datetime,
    sites: Mapping[str, Sequence[str]] | None = None,
    cohorts: Mapping[str, Mapping[str, str]] | None = None,
) -> Calibration:
    """Find the threshold that keeps the target, and say how sure it is and what it costs.

    Args:
        enrolled: templates of the gallery.
        impostors: embeddings of people who are not enrolled. None: every enrolled subject is searched among the
            others, which needs no more data, but knows only enrolment pictures.
        request: target and choices.
        at: aware time of the calibration.
        sites: enrolled subjects per site; each site gets a threshold for its own gallery.
        cohorts: per column, label of each impostor (or of each enrolled subject where there are no impostors).

    Raises:
        CalibrationRefused: too few subjects or impostors.
        ContractMismatch: impostors of another contract.
    """
    if impostors is not None:
        impostors.require(enrolled.contract)
    if len(np.unique(enrolled.subjects)) < LEAST_SUBJECTS:
        raise CalibrationRefused(
            "Fewer than two subjects are enrolled.",
            expected="a gallery.",
            remedy="Enrol people first; until then the default threshold holds.",
        )
    own = among_themselves(enrolled)
    strange = _strangers(own) if impostors is None else against(enrolled, impostors)
    names = np.unique((enrolled if impostors is None else impostors).subjects)
    scores = ImpostorScores(strange.other, strange.person, strange.enrolled)
    size = request.gallery_size or len(np.unique(enrolled.subjects))
    fitted = fit_threshold(scores, request.target, size, level=request.level)
    tables = _by_cohort(scores, names, cohorts or {}, fitted.threshold, request.target, size)
    chosen = fitted.threshold_interval[1] if request.cautious else fitted.threshold
    if request.worst_cohort:
        chosen = max([chosen, *(row["threshold"] for row in tables if row["threshold"] is not None)])
    probability, reliable = _probability(enrolled, impostors, request.curve)
    rate = fitted.rate_interval if chosen == fitted.threshold else _rate_at(scores, chosen, size, request.level)
    return Calibration(
        contract=enrolled.contract,
        made_at=at,
        target=request.target,
        gallery_size=size,
        threshold=chosen,
        threshold_interval=fitted.threshold_interval,
        rate_interval=rate,
        level=request.level,
        method=fitted.method,
        margin=request.margin,
        impostors=scores.people,
        searches=len(scores.best),
        probability=probability,
        sites=_by_site(enrolled, impostors, request, sites or {}),
        report={
            "impostors_are": "the enrolled subjects among each other" if impostors is None else "people not enrolled",
            "margin": margin_effect(own, strange, chosen, request.target),
            "fpir_at_threshold": at_size(float(np.mean(scores.best >= chosen)), size / scores.gallery_size),
            "threshold_if_comparisons_were_independent": _independent(enrolled, impostors, request.target, size),
            "cohorts": tables,
            "reliability": reliable,
        },
    )


def among_themselves(enrolled: Templates) -> Searches:
    """Search every template among all others: its own subject's are mates, everybody else's impostors."""
    codes = enrolled.codes
    whole = search(enrolled.vectors, codes, enrolled.vectors, codes)
    mate = np.full(len(enrolled), -np.inf)
    for subject in np.unique(codes):
        rows = np.flatnonzero(codes == subject)
        if len(rows) > 1:
            cosines = (enrolled.vectors[rows] @ enrolled.vectors[rows].T).astype(np.float64)
            np.fill_diagonal(cosines, -np.inf)
            mate[rows] = cosines.max(axis=1)
    return replace(whole, mate=mate, mated=np.isfinite(mate), enrolled=whole.enrolled)


def against(enrolled: Templates, impostors: Templates) -> Searches:
    """Search impostors among the enrolled; nobody is mated, whatever the names."""
    codes = enrolled.codes
    return search(enrolled.vectors, codes, impostors.vectors, impostors.codes + int(codes.max()) + 1)


def margin_effect(own: Searches, strange: Searches, threshold: float, target: float) -> list[dict[str, Any]]:
    """Measure what a margin buys: both errors at the threshold, and FNIR where each margin keeps the target itself.

    Args:
        own: from :func:`among_themselves`; FNIR is nan where nobody has two templates.
        strange: searches of strangers.
        threshold: without margin.
        target: FPIR at which margins are compared with one another.
    """
    rows = []
    for margin in MARGINS:
        level = threshold_at(strange.wrong(margin), target)
        rows.append({
            "margin": margin,
            "fpir": _plain(asdict(false_positive_rate(strange, threshold, margin))),
            "fnir": _plain(asdict(false_negative_rate(own, threshold, margin))),
            "threshold_at_target": level,
            "fnir_at_target": _plain(asdict(false_negative_rate(own, level, margin))),
        })  # fmt: skip
    return rows


def _strangers(own: Searches) -> Searches:
    """See every enrolled template as a stranger to the others."""
    nobody = np.full(len(own.person), -np.inf)
    return replace(own, mated=np.zeros(len(own.person), dtype=np.bool_), mate=nobody, enrolled=own.enrolled - 1)


def _rate_at(scores: ImpostorScores, threshold: float, size: int, level: float) -> tuple[float, float]:
    """Return where the rate of as many other strangers lies at a threshold that was chosen for another reason."""
    low, high = score_interval(float(np.mean(scores.best >= threshold)), scores.effective / 2, level)
    times = size / scores.gallery_size
    return at_size(low, times), at_size(high, times)


def _by_site(
    enrolled: Templates, impostors: Templates | None, request: Request, sites: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Give each site with enough subjects the threshold of its own gallery, against the same impostors."""
    found = {}
    for site, members in sites.items():
        here = np.isin(enrolled.subjects, list(members))
        if len(np.unique(enrolled.subjects[here])) < LEAST_SUBJECTS:
            continue
        mine = Templates(enrolled.contract, enrolled.vectors[here], enrolled.subjects[here])
        away = Templates(enrolled.contract, enrolled.vectors[~here], enrolled.subjects[~here])
        others = away if impostors is None else impostors
        if not len(others):
            continue
        searches = against(mine, others)
        scores = ImpostorScores(searches.other, searches.person, searches.enrolled)
        try:
            fitted = fit_threshold(scores, request.target, searches.enrolled, level=request.level)
        except CalibrationRefused:
            continue  # too few impostors: the gallery's threshold holds there
        found[site] = fitted.threshold_interval[1] if request.cautious else fitted.threshold
    return found


def _by_cohort(
    scores: ImpostorScores,
    names: NDArray[np.str_],
    cohorts: Mapping[str, Mapping[str, str]],
    threshold: float,
    target: float,
    size: int,
) -> list[dict[str, Any]]:
    rows = []
    of = names[np.unique(scores.person, return_inverse=True)[1]]
    for column, labels in cohorts.items():
        label = np.array([labels.get(str(name), "(unlabelled)") for name in of])
        for one in np.unique(label):
            chosen = label == one
            part = ImpostorScores(scores.best[chosen], scores.person[chosen], scores.gallery_size)
            seen = rate_over_people(part.best >= threshold, part.person)
            try:
                own: float | None = fit_threshold(part, target, size).threshold
            except CalibrationRefused:
                own = None
            row = {"column": column, "label": str(one), "people": part.people, "fpir": _plain(asdict(seen))}
            rows.append(row | {"threshold": own})
    return rows


def _probability(
    enrolled: Templates, impostors: Templates | None, curve: Curve
) -> tuple[ScoreCalibrator | None, dict[str, Any] | None]:
    genuine, strange = pair_scores(enrolled, impostors)
    if min(len(genuine), len(strange)) < 2 * LEAST_PAIRS:
        return None, None
    return ScoreCalibrator.fit(genuine, strange, curve), asdict(cross_fitted(genuine, strange, curve))


def pair_scores(enrolled: Templates, impostors: Templates | None, *, seed: int = 1) -> tuple[Array, Array]:
    """Return cosines of all pairs of one subject's templates, and of up to 200,000 drawn pairs of two people.

    Args:
        enrolled: templates of the gallery.
        impostors: people who are not enrolled, drawn against the enrolled; None: the enrolled among each other.
        seed: of the draw, which is with replacement.

    Returns:
        Genuine and impostor cosines, raw, float64, shapes (g,) and (i,); genuine ones are none where nobody has two
        templates, and without impostors pairs that fell on one subject are left out, so that i is below 200,000.

    Raises:
        ValueError: nobody is enrolled, or ``impostors`` is empty.
    """
    codes, random = enrolled.codes, np.random.default_rng(seed)
    genuine = [np.empty(0)]
    for subject in np.unique(codes):
        mine = enrolled.vectors[codes == subject]
        genuine.append((mine @ mine.T)[np.triu_indices(len(mine), 1)].astype(np.float64))
    one = random.integers(len(enrolled), size=_MOST_PAIRS)
    others = enrolled if impostors is None else impostors
    two = random.integers(len(others), size=_MOST_PAIRS)
    apart = np.ones(_MOST_PAIRS, dtype=np.bool_) if impostors is not None else codes[one] != codes[two]
    cosines = np.einsum("nd,nd->n", enrolled.vectors[one[apart]], others.vectors[two[apart]])
    return np.concatenate(genuine), cosines.astype(np.float64)


def _independent(enrolled: Templates, impostors: Templates | None, target: float, size: int) -> float:
    strange = pair_scores(enrolled, impostors)[1]
    return independent_threshold(passing(strange, _LEVELS), _LEVELS, target, size)


def _plain(estimate: dict[str, Any]) -> dict[str, Any]:
    return {name: value if np.isfinite(value) else None for name, value in estimate.items()}
