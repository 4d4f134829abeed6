"""What attacks do to the whole system: presentation attack detection and recognition together.

ISO/IEC 30107-3:2023, 13.4: IAPAR, and RIAPAR, the sum of IAPAR and FRR at the same operating point, which keeps a
system that refuses everybody from looking good.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from faceid.evaluate.intervals import Estimate, wilson
from faceid.evaluate.liveness_trials import Judge, Trial, by_species, people_of
from faceid.match import cosine


@dataclass(frozen=True, slots=True)
class SystemErrors:
    """Errors of liveness and recognition together.

    Attributes:
        species: IAPAR by species: share of attacks that were let through and recognised as the person they imitate.
        worst: the species with the highest.
        frr: share of living people who were refused, or not recognised as themselves; no response is a refusal.
        riapar: IAPAR of the worst species plus FRR, 0 to 2.
        low, high: ends of an interval that holds it at least as surely as its parts: sums of theirs.
        people: people with a reference.
        threshold: cosine of the match rule.
    """

    species: dict[str, Estimate]
    worst: str
    frr: Estimate
    riapar: float
    low: float
    high: float
    people: int
    threshold: float


def system_errors(trials: Sequence[Trial], judge: Judge, threshold: float) -> SystemErrors | None:
    """Measure IAPAR, FRR and RIAPAR where people are known.

    The first living presentation of a person with an embedding is the reference; the others are verified against it.

    Args:
        trials: all presentations; people are known where files lie in ``real/<person>`` and ``<species>/<person>``.
        judge: the policy.
        threshold: least cosine of a match.

    Returns:
        None where no person has a reference, another living presentation and an attack with it.
    """
    references = {
        person: next((one for one in theirs if one.species is None and one.embedding is not None), None)
        for person, theirs in people_of(trials).items()
    }
    known = {person: one for person, one in references.items() if one is not None}
    used = {id(one) for one in known.values()}
    verified = [one for one in trials if one.person in known and id(one) not in used]

    def accepted(one: Trial) -> bool:
        reference = known[one.person or ""]
        if not one.looks or one.embedding is None or reference.embedding is None:
            return False
        return judge(one)[1] and float(cosine(reference.embedding, one.embedding)) >= threshold

    sorted_ = by_species(verified)
    people = sorted_.pop(None)
    if not people or not sorted_:
        return None
    rates = {str(species): wilson(sum(map(accepted, theirs)), len(theirs)) for species, theirs in sorted_.items()}
    worst = max(rates, key=lambda name: (rates[name].value, name))
    frr = wilson(sum(not accepted(one) for one in people), len(people))
    iapar = rates[worst]
    return SystemErrors(
        rates, worst, frr, iapar.value + frr.value, iapar.low + frr.low, iapar.high + frr.high, len(known), threshold
    )
