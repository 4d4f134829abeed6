"""The report of an evaluation of liveness, for programs and for people."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from faceid.evaluate import liveness as measures
from faceid.evaluate.cohort_rates import RateTable, living, rate_lines
from faceid.evaluate.cohorts import Cohorts
from faceid.evaluate.folder import Picture
from faceid.evaluate.impostors import SystemErrors, system_errors
from faceid.evaluate.intervals import Estimate, area_estimate, wilson
from faceid.evaluate.liveness import Curve, Errors, Scored
from faceid.evaluate.liveness_trials import Trial, by_species
from faceid.evaluate.report import Report, percent, sampled
from faceid.liveness.detector import LivenessDetector
from faceid.liveness.policy import Policy, Purpose

_BINS = np.linspace(0.0, 1.0, 51)

SYNTHETIC = "code made them from the living people of the folder; no figure on them tells how real ones fare"

LIVE = "live"
"""What reports call the living; among the synthetic where code made films of them."""

COHORT_RATES = {"bpcer": "BPCER", "bpnrr": "no response", "refused": "refused or no response"}
"""What the rates of living people by cohort are called."""


def report(
    root: Path,
    trials: Sequence[Trial],
    detector: LivenessDetector,
    threshold: float,
    made: Sequence[str] = (),
    cohorts: Cohorts | None = None,
) -> Report:
    """Measure everything once.

    Args:
        root: the folder.
        trials: its presentations.
        detector: what judged them.
        threshold: cosine of the match rule, for RIAPAR.
        made: further species of the folder that were made by code, by name.
        cohorts: labels somebody gave.
    """
    kinds = by_species(trials)
    names = [name for name in kinds if name is not None]
    synthetic = sorted({name for name in names if name in made or any(one.made for one in kinds[name])})
    synthetic += [LIVE] if any(one.made for one in kinds[None]) else []
    points = {purpose.value: _point(trials, detector, Policy(purpose), threshold) for purpose in Purpose}
    scored = _scored(kinds, detector, Policy(Purpose.SCREEN))
    live, attacks = scored.pop(None), {str(name): one for name, one in scored.items()}
    found = measures.curve(live, attacks)
    all_attacks = np.concatenate([one.scores for one in attacks.values()])
    rows = measures.reliability(live.scores, all_attacks)
    return {
        "folder": root.name,
        "presentations": {LIVE: live.presented, **{name: one.presented for name, one in attacks.items()}},
        "synthetic_species": synthetic,
        "synthetic_means": SYNTHETIC if synthetic else None,
        "videos": sum(one.looks > 1 for one in trials),
        "operating_points": points,
        "auc": {name: measures.separation(live, one) for name, one in attacks.items()},
        "methods": _methods(kinds),
        "cohorts": None if cohorts is None else _cohorts(root, kinds[None], detector, cohorts),
        "curve": None if found is None else _curve(found),
        "reliability": {"bins": rows, "expected_calibration_error": measures.calibration_error(rows)},
        "histograms": {
            "edges": _BINS,
            **{name: np.histogram(one.scores, _BINS)[0] for name, one in {LIVE: live, **attacks}.items()},
        },
        "no_response": sorted(one.name for one in trials if not one.looks),
        "training": dict(detector.bundle.training),
        "untrained": list(detector.bundle.untrained),
        "weights": dict(detector.bundle.fusion.weights),
    }


def lines(figures: Report) -> list[str]:
    """Write the figures that matter for people."""
    counts = figures["presentations"]
    text = [", ".join(f"{name} {count}" for name, count in counts.items())]
    if figures["untrained"]:
        text.append(f"measured without {', '.join(figures['untrained'])}, for which nothing was trained here")
    if figures["synthetic_species"]:
        text.append(f"SYNTHETIC: {', '.join(figures['synthetic_species'])}: {SYNTHETIC}")
    for purpose, point in figures["operating_points"].items():
        found: Errors = point["errors"]
        text.append(f"{purpose}: pass at {point['threshold']:.3f} and above")
        for name, one in found.species.items():
            mark = " (synthetic)" if name in figures["synthetic_species"] else ""
            text.append(f"  APCER {name + mark:<28} {percent(one.apcer)}; no response {percent(one.apnrr)}")
        text.append(f"  APCER of the worst, {found.worst}: {percent(found.apcer)}")
        mark = " (synthetic)" if LIVE in figures["synthetic_species"] else ""
        text.append(
            f"  BPCER{mark} {percent(found.bpcer)}; no response {percent(found.bpnrr)}; ACER {percent(found.acer)}"
        )
        text.append(f"  {_system(point['system'])}")
    for name, value in figures["auc"].items():
        mark = " (synthetic)" if name in figures["synthetic_species"] else ""
        text.append(f"AUC {name}{mark}: {area_of(value)}")
    for method, alone in figures["methods"].items():
        text.append(f"  {method} alone, passing at log-odds of 0: BPCER {percent(alone['bpcer'])}")
        for name, one in alone["species"].items():
            text.append(f"    {name}: AUC {area_of(one['auc'])}, APCER {percent(one['apcer'])}")
    if figures["curve"] is not None:
        at = figures["curve"]["bpcer_at_apcer"]
        text.append(f"equal error rate {_share(figures['curve']['equal_error'])}; BPCER at APCER " + ", ".join(
            f"{float(level):.0%}: {_share(value)}" for level, value in at.items()))  # fmt: skip
    text.append(f"expected calibration error {figures['reliability']['expected_calibration_error']:.3f}")
    return text + rate_lines(figures["cohorts"] or [], COHORT_RATES)


def _point(trials: Sequence[Trial], detector: LivenessDetector, policy: Policy, threshold: float) -> Report:
    scored = _scored(by_species(trials), detector, policy)
    live, attacks = scored.pop(None), {str(name): one for name, one in scored.items()}

    def judge(trial: Trial) -> tuple[float, bool]:
        verdict = detector.verdict(trial.evidence, policy)
        return verdict.score, verdict.live

    system = system_errors(trials, judge, threshold)
    return {
        "threshold": detector.bundle.thresholds[policy.purpose],
        "errors": measures.errors(live, attacks),
        "system": system if system is not None else "not computed: needs real/<person> and <species>/<person>",
    }


def _scored(
    kinds: Mapping[str | None, Sequence[Trial]], detector: LivenessDetector, policy: Policy
) -> dict[str | None, Scored]:
    scored = {}
    for species, trials in kinds.items():
        verdicts = [detector.verdict(one.evidence, policy) for one in trials if one.looks]
        scores = np.array([verdict.score for verdict in verdicts], dtype=np.float64)
        passed = np.array([verdict.live for verdict in verdicts], dtype=np.bool_)
        scored[species] = Scored(scores, passed, len(trials) - len(verdicts))
    return scored


def _cohorts(root: Path, people: Sequence[Trial], detector: LivenessDetector, cohorts: Cohorts) -> list[RateTable]:
    """Tabulate the living by cohort at every purpose; whose person is not known counts as somebody else."""
    shown = [Picture(root / one.name, one.name, one.person or one.name) for one in people]
    lost = [one.looks == 0 for one in people]
    return [
        table
        for purpose in Purpose
        for table in living(
            cohorts, shown, _scored({None: people}, detector, Policy(purpose))[None], lost, purpose.value
        )
    ]


def _methods(kinds: Mapping[str | None, Sequence[Trial]]) -> Report:
    """Every method alone: AUC and APCER by species, and BPCER, where log-odds of 0 and above pass."""
    seen: dict[str, dict[str | None, list[float]]] = {}
    for species, trials in kinds.items():
        for trial in trials:
            for one in trial.evidence:
                seen.setdefault(one.method, {}).setdefault(species, []).append(one.score)
    return {
        method: {
            "bpcer": _rate(theirs.get(None, []), below=True),
            "species": {
                str(species): {"auc": _area(theirs.get(None, []), scores), "apcer": _rate(scores, below=False)}
                for species, scores in theirs.items()
                if species is not None
            },
        }
        for method, theirs in sorted(seen.items())
    }


def _rate(scores: Sequence[float], *, below: bool) -> Estimate:
    return wilson(sum((score < 0.0) is below for score in scores), len(scores))


def _area(living: Sequence[float], attacks: Sequence[float]) -> Estimate:
    return area_estimate(measures.area(np.array(living), np.array(attacks)), len(living), len(attacks))


def _curve(found: Curve) -> Report:
    thresholds, apcer, bpcer = sampled(found.thresholds, found.apcer, found.bpcer)
    return {
        "thresholds": thresholds,
        "apcer": apcer,
        "bpcer": bpcer,
        "equal_error": found.equal_error,
        "bpcer_at_apcer": found.bpcer_at,
        "apcer_at_bpcer": found.apcer_at,
    }


def area_of(estimate: Estimate) -> str:
    """Write an area under a curve for people: ``.912 [.850, .951]`` and what it was measured on."""
    if math.isnan(estimate.value):
        return "-"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}] of {estimate.trials:,}"


def _system(system: SystemErrors | str) -> str:
    if isinstance(system, str):
        return f"RIAPAR {system}"
    return (
        f"RIAPAR {_share(system.riapar)} [{_share(system.low)}, {_share(system.high)}]: IAPAR of {system.worst} "
        f"{percent(system.species[system.worst])} plus FRR {percent(system.frr)}, cosine {system.threshold:.3f}"
    )


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.2f} %"
