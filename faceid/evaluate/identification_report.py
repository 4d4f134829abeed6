"""The report on open-set identification: who is enrolled, who is searched, and everything measured on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceid.evaluate import cohorts as by_cohort
from faceid.evaluate.acquisition import Acquisition
from faceid.evaluate.cohorts import Cohorts
from faceid.evaluate.errors import TooLittleData
from faceid.evaluate.folder import Picture, names
from faceid.evaluate.identification import (
    Searches,
    cumulative_match,
    curves,
    false_negative_rate,
    false_negative_rate_at,
    false_positive_rate,
    search,
    wrong_person_rate,
)
from faceid.evaluate.report import DEFAULTS, Report, cohort_lines, failure_line, failures, histogram, percent, sampled

FALSE_POSITIVE_RATES = (0.1, 0.01, 0.001)
RANKS = 20
SINGLES = "people with no picture beyond the enrolled ones"
FOLDER = "the folder of strangers"


@dataclass(frozen=True, slots=True)
class Protocol:
    """Which pictures are enrolled and which are searched.

    Attributes:
        enrolled: first pictures of the people in the gallery.
        probes: their other pictures, then the strangers'.
        strangers: how many of the probes, from the end, show strangers.
        strangers_are: where the strangers come from.
    """

    enrolled: tuple[Picture, ...]
    probes: tuple[Picture, ...]
    strangers: int
    strangers_are: str


@dataclass(frozen=True, slots=True)
class IdentificationRun:
    """What an identification report is made of."""

    protocol: Protocol
    acquired: Acquisition
    searches: Searches
    not_enrolled: tuple[str, ...]


def plan(people: Sequence[Picture], unknown: Sequence[Picture] | None, per_person: int = 1) -> Protocol:
    """Enrol the first pictures of each person and search the rest.

    Args:
        people: pictures with their people, in the order in which they are taken.
        unknown: pictures of strangers. None: people with too few pictures to have one left to search serve as
            strangers and are not enrolled; with strangers given they are enrolled, which makes the gallery larger.
        per_person: pictures enrolled of each person.

    Raises:
        TooLittleData: nobody is left to enrol, to search or to serve as stranger.
    """
    of: dict[str, list[Picture]] = {}
    for picture in people:
        of.setdefault(picture.person, []).append(picture)
    members = {name: mine for name, mine in of.items() if unknown is not None or len(mine) > per_person}
    singles = [picture for name, mine in of.items() if name not in members for picture in mine]
    strange = singles if unknown is None else _strangers(unknown, of)
    mated = [picture for mine in members.values() for picture in mine[per_person:]]
    if not mated or not strange:
        raise TooLittleData(
            f"Of {len(of)} people {len(members)} can be enrolled, with {len(mated)} pictures left to search for them "
            f"and {len(strange)} pictures of strangers.",
            expected="people with more pictures than are enrolled, and strangers.",
            remedy="Add pictures, or name a folder of strangers with --unknown.",
        )
    enrolled = tuple(picture for mine in members.values() for picture in mine[:per_person])
    return Protocol(enrolled, (*mated, *strange), len(strange), SINGLES if unknown is None else FOLDER)


def run(protocol: Protocol, acquired: Acquisition) -> IdentificationRun:
    """Enrol, then search every probe.

    Raises:
        TooLittleData: no picture to enrol gave an embedding.
    """
    codes = names([*protocol.enrolled, *protocol.probes])
    usable = [picture for picture in protocol.enrolled if not acquired.failed(picture.path)]
    if not usable:
        raise TooLittleData(
            "No picture to enrol gave an embedding.",
            expected="at least one usable face.",
            remedy="Look at the failures, or measure with --quality any.",
        )
    came = {picture.person for picture in protocol.enrolled}
    missing = sorted(came - {picture.person for picture in usable})
    searches = search(
        acquired.of(picture.path for picture in usable),
        np.array([codes[picture.person] for picture in usable], dtype=np.int64),
        acquired.of(picture.path for picture in protocol.probes),
        np.array([codes[picture.person] for picture in protocol.probes], dtype=np.int64),
        expected=[codes[name] for name in came],
    )
    return IdentificationRun(protocol, acquired, searches, tuple(missing))


def report(
    done: IdentificationRun, images: Path, threshold: float, margin: float, cohorts: Cohorts | None = None
) -> Report:
    """Compute every figure of an identification.

    Args:
        done: from :func:`run`.
        images: folder the names of failed pictures are relative to.
        threshold, margin: the rule of the operating point and of the cohort table; the curves use the margin too.
        cohorts: labels somebody gave.
    """
    searches = done.searches
    thresholds, fpir, fnir = sampled(*curves(searches, margin))
    return {
        "counts": _counts(done),
        "failures": failures(done.acquired, images),
        "failures_to_enrol": list(done.not_enrolled),
        "fnir_at_fpir": [false_negative_rate_at(searches, rate, margin) for rate in FALSE_POSITIVE_RATES],
        "fnir_at_fpir_without_margin": [false_negative_rate_at(searches, rate) for rate in FALSE_POSITIVE_RATES],
        "operating_point": _rates(searches, threshold, margin),
        "defaults": {
            name: {"with_margin": _rates(searches, value, margin), "without_margin": _rates(searches, value, 0.0)}
            for name, value in DEFAULTS.items()
        },
        "cumulative_match": cumulative_match(searches, RANKS),
        "cohorts": None
        if cohorts is None
        else by_cohort.searched(cohorts, searches, done.protocol.probes, threshold, margin),
        "curve": {"thresholds": thresholds, "fpir": fpir, "fnir": fnir, "margin": margin},
        "histograms": {
            "mate": histogram(searches.mate[searches.mated]),
            "best_of_strangers": histogram(searches.other[~searches.mated]),
        },
    }


def lines(done: IdentificationRun, figures: Report) -> list[str]:
    """Write the figures that matter for people, one line each."""
    counts, point, match = figures["counts"], figures["operating_point"], figures["cumulative_match"]
    found = [
        failure_line(done.acquired),
        f"{counts['enrolled']:,} enrolled ({counts['failures_to_enrol']} more could not be)",
        f"{counts['mated']:,} searches of them, {counts['non_mated']:,} of {counts['strangers']:,} strangers: "
        f"{counts['strangers_are']}",
        f"rank 1: {100 * match[0]:.2f} %, rank 5: {100 * match[4]:.2f} %, rank {RANKS}: {100 * match[-1]:.2f} %",
    ]
    for one in figures["fnir_at_fpir"]:
        doubt = "" if one.resolved else "  (too few strangers to rely on)"
        found.append(f"FNIR at FPIR {one.fpir:g}: {percent(one.fnir)} at cosine {one.threshold:.4f}{doubt}")
    found.append(
        f"at cosine {point['threshold']:.4f} with margin {point['margin']:.2f}: FNIR {percent(point['fnir'])}, "
        f"FPIR {percent(point['fpir'])}, wrong person {percent(point['wrong_person'])}"
    )
    return found + cohort_lines(figures["cohorts"] or [], "FNIR", "FPIR")


def _strangers(unknown: Sequence[Picture], people: Iterable[str]) -> list[Picture]:
    """Check that no stranger has the name of somebody who is enrolled."""
    both = {picture.person for picture in unknown} & set(people)
    if both:
        raise TooLittleData(
            f"{len(both)} people are in both folders: {', '.join(sorted(both)[:5])}.",
            expected="strangers who are not enrolled.",
            remedy="Take them out of the folder of strangers.",
        )
    return list(unknown)


def _counts(done: IdentificationRun) -> Report:
    searches, protocol = done.searches, done.protocol
    return {
        "enrolled": searches.enrolled,
        "failures_to_enrol": len(done.not_enrolled),
        "templates": sum(not done.acquired.failed(picture.path) for picture in protocol.enrolled),
        "mated": int(searches.mated.sum()),
        "non_mated": int((~searches.mated).sum()),
        "strangers": len(np.unique(searches.person[~searches.mated])),
        "strangers_are": protocol.strangers_are,
    }


def _rates(searches: Searches, threshold: float, margin: float) -> Report:
    return {
        "threshold": threshold,
        "margin": margin,
        "fnir": false_negative_rate(searches, threshold, margin),
        "fpir": false_positive_rate(searches, threshold, margin),
        "wrong_person": wrong_person_rate(searches, threshold, margin),
    }
