"""What a challenger would have earned on the operator's own screens, estimated from the log before it serves.

Each first place of a slate is a choice: the log says what was considered, what was shown, how likely that was, and
whether somebody engaged. The challenger's policy is its scores under the exploration rule without a head. Only plays
later than what it learnt from count. Later places are left out: what they earn depends on the places before, which the
challenger would have filled otherwise. Needs pyarrow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import catalog.selectors
import catalog.serving
import decisions.selectors
from catalog.serving import Snapshot
from core.ids import MalformedId, parse_public_id
from decisions.auction import Bids, Stakes, first_place
from decisions.considered import unpack
from decisions.exploration import LUCE
from decisions.slate import tiers
from events.selectors.choices import decisions_of
from recsys.features import Behaviour, Context, Viewer
from recsys.offpolicy.estimators import Estimator
from recsys.offpolicy.judgement import Interval, Judgement, TooLittleOverlap, judge
from recsys.offpolicy.log import LoggedChoices, Reals, Target, UnusableLog
from recsys.serving.protocol import RankerProtocol
from recsys.training.examples import TRAIN_SHARE, VALIDATION_SHARE
from recsys.training.reading import LogFile, instants

MOST_ROUNDS = 3000
"""First places judged, the latest ones: each costs one call of both rankers."""
SOURCE, PLAY = "plays", "pla"
HEADLINE = Estimator.DR
CONTEXT = ("screen", "venue", "venue_category", "scene", "hour", "weekday", "party")
COLUMNS = (
    "example_id", "at", "source", "position", "viewer", "creative", "history_creatives", "history_categories",
    "propensity", "label", *CONTEXT,
)  # fmt: skip
HEADS = ("example_id", "at", "source", "position", "propensity")
ORDER = [("at", "ascending"), ("example_id", "ascending")]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One first place, as the log has it.

    Attributes:
        rows: its examples, one a viewer.
        places: of the candidates in the catalogue, ascending.
        chosen: place of the shown one within ``places``.
    """

    rows: Sequence[Row]
    places: Any
    chosen: int


def report(
    *, operator_id: UUID, dataset: Path, challenger: RankerProtocol, champion: RankerProtocol | None
) -> dict[str, Any]:
    """Return the challenger's estimated lift as JSON with a sentence for people; never raises for want of data.

    The operator's scope is entered. The lift is over the champion under the same rule, both judged by the same rows,
    or over what the log earned where there is no champion.
    """
    plays = _later_plays(dataset)
    snapshot = _catalogue(operator_id)
    rounds, unreadable = _rounds(operator_id, plays, snapshot)
    told: dict[str, Any] = {"rounds": len(rounds), "unreadable": unreadable}
    if not rounds:
        return told | {"sentence": "No first place with a known chance was played since what this model learnt from."}
    log = LoggedChoices(
        actions=np.array([one.chosen for one in rounds], dtype=np.int64),
        rewards=np.array([float(one.rows[0]["label"]) for one in rounds]),
        propensities=np.array([float(one.rows[0]["propensity"]) for one in rounds]),
    )
    try:
        expected = _scores(champion or challenger, rounds, snapshot)
        found = judge(
            log, _target(challenger, rounds, snapshot, expected), groups=_people(rounds),
            against=_target(champion, rounds, snapshot, expected) if champion else None,
        )  # fmt: skip
    except TooLittleOverlap as error:
        return told | {"reason": "too_little_overlap", "sentence": f"Too little overlap to tell. {error}"}
    except UnusableLog as error:
        return told | {"reason": "unusable_log", "sentence": str(error)}
    return told | _document(found, over="the champion" if champion else "what was shown")


def _document(found: Judgement, *, over: str) -> dict[str, Any]:
    lift = found.lifts[HEADLINE]
    return {
        "effective": found.effective, "largest_weight": found.largest_weight, "over": over,
        "logged": asdict(found.logged), "estimator": HEADLINE.value,
        "values": {one.value: asdict(value) for one, value in found.values.items()},
        "lifts": {one.value: asdict(value) for one, value in found.lifts.items()},
        "sentence": _sentence(found, lift, over),
    }  # fmt: skip


def _sentence(found: Judgement, lift: Interval, over: str) -> str:
    verdict = "more" if lift.low > 0 else "less" if lift.high < 0 else "more or less, one cannot tell"
    return (
        f"By {found.rows:,} first places, worth {found.effective:,.0f} of its own, it would have engaged"
        f" {found.values[HEADLINE].value:.2%} of them: {lift.value * 100:+.2f} points"
        f" [{lift.low * 100:+.2f}, {lift.high * 100:+.2f}] over {over}, {verdict}."
    )


def _later_plays(dataset: Path) -> list[list[Row]]:
    """Return the examples of first places played after what is trained and validated on, play by play, in order."""
    log = LogFile(dataset)
    times = np.sort(instants(log.take(["source", "at"], _is_play)))
    boundary = round(len(times) * (TRAIN_SHARE + VALIDATION_SHARE))
    if boundary >= len(times):
        return []
    heads = log.take(HEADS, lambda table: _is_first(table, times[boundary])).sort_by(ORDER)
    plays = dict.fromkeys(name.partition(":")[0] for name in heads["example_id"].to_pylist())
    found: dict[str, list[Row]] = {name: [] for name in list(plays)[-MOST_ROUNDS:]}
    examples = [name for name in heads["example_id"].to_pylist() if name.partition(":")[0] in found]
    wanted = pa.array(examples, pa.string())
    for row in log.take(COLUMNS, lambda table: pc.is_in(table["example_id"], wanted)).sort_by(ORDER).to_pylist():
        found[row["example_id"].partition(":")[0]].append(row)
    return list(found.values())


def _is_play(table: pa.Table) -> Any:
    return pc.equal(table["source"], SOURCE)


def _is_first(table: pa.Table, since: np.int64) -> Any:
    """Tell which rows are plays of a first place with a known chance, from an instant on."""
    first = pc.and_(pc.equal(table["position"], 0), pc.is_valid(table["propensity"]))
    return pc.and_(pc.and_(_is_play(table), first), pa.array(instants(table) >= since))


def _catalogue(operator_id: UUID) -> Snapshot:
    return catalog.serving.build(0, list(catalog.selectors.creatives(operator_id=operator_id).order_by("id")))


def _rounds(operator_id: UUID, plays: Sequence[Sequence[Row]], snapshot: Snapshot) -> tuple[list[Round], int]:
    """Join plays with what was considered, and count those for which that cannot be told any more."""
    ids = [_play_id(rows[0]["example_id"]) for rows in plays]
    decided = decisions_of(operator_id=operator_id, play_ids={play_id for play_id in ids if play_id})
    packed = decisions.selectors.considered(operator_id=operator_id, decision_ids=set(decided.values()))
    creatives = [offer.id for offer in snapshot.offers]
    tier = tiers(snapshot.paid, snapshot.priority)
    rounds = []
    for rows, play_id in zip(plays, ids, strict=True):
        places = unpack(packed.get(decided[play_id], b""), creatives) if play_id and play_id in decided else None
        shown = snapshot.places.get(rows[0]["creative"])
        if places is None or shown is None or shown not in places or tier[shown] < tier[places].max():
            continue
        rounds.append(Round(rows, places, int(np.searchsorted(places, shown))))
    return rounds, len(plays) - len(rounds)


def _play_id(example_id: str) -> UUID | None:
    """Return the play an example is of; None for one that was not played here."""
    try:
        return parse_public_id(PLAY, example_id.partition(":")[0])
    except MalformedId:
        return None


def _target(ranker: RankerProtocol, rounds: Sequence[Round], snapshot: Snapshot, expected: Reals) -> Target:
    """Return the ranker's policy over the candidates of each round, padded with candidates it never shows."""
    scores = _scores(ranker, rounds, snapshot)
    chances = np.zeros_like(scores)
    tier = tiers(snapshot.paid, snapshot.priority)
    for number, one in enumerate(rounds):
        bids = Bids(scores[number, : len(one.places)], Stakes(snapshot.price_micros[one.places], tier[one.places]))
        chances[number, : len(one.places)] = first_place(bids, LUCE)
    return Target(chances, expected)


def _scores(ranker: RankerProtocol, rounds: Sequence[Round], snapshot: Snapshot) -> Reals:
    """Return what a ranker thinks of the candidates of each round, padded with 0, shape (rounds, most candidates)."""
    scores = np.zeros((len(rounds), max(len(one.places) for one in rounds)))
    for number, one in enumerate(rounds):
        context = Context(**{name: one.rows[0][name] for name in CONTEXT})
        viewers, weights = _audience(one.rows, context.party)
        matrix = ranker.rank(context, viewers, snapshot.candidates.take(one.places))
        scores[number, : len(one.places)] = weights @ matrix
    return scores


def _audience(rows: Sequence[Row], party: int) -> tuple[list[Viewer], Reals]:
    """Return those whom models may learn from, and everybody else as one stranger, with their shares."""
    viewers = [
        Viewer(row["viewer"], tuple(map(Behaviour, row["history_creatives"], row["history_categories"])))
        for row in rows
        if row["viewer"] is not None
    ]
    weights = [1.0] * len(viewers)
    others = party - len(viewers)
    if others > 0 or not viewers:
        viewers.append(Viewer())
        weights.append(float(max(others, 1)))
    return viewers, np.array(weights) / sum(weights)


def _people(rounds: Sequence[Round]) -> Any:
    """Number rounds by whom they were for; nobody known stands for themselves."""
    numbers: dict[str, int] = {}
    names = (one.rows[0]["viewer"] or f"round {number}" for number, one in enumerate(rounds))
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)
