"""What policies are worth before a simulated audience whose tastes are known: learnt from one log, then let loose."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recsys.benchmark.intervals import Interval, over_seeds
from recsys.benchmark.world import Places, Reals, Shape, SlateLog, World
from recsys.exploration.head import Head, Mode, log_odds
from recsys.exploration.learning import Observations, learn
from recsys.exploration.luce import Exploration, draw
from recsys.training.slate import Logged, Objective, SlatePolicy, fit_policy

PRODUCTION = Exploration()
WITH_HEAD = Exploration(temperature=0.1, floor=0.05)
GREEDY = "greedy ranker"
CEILING = "tastes known"
SCENE = "screen"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated.

    Attributes:
        seeds: worlds, each with its own log and its own trainings.
        decisions: of the log that policies learn from.
        rounds, round_size: afterwards, policies act for so many rounds of so many decisions; exploration heads learn
            after each.
    """

    seeds: int = 5
    decisions: int = 20_000
    rounds: int = 5
    round_size: int = 500
    shape: Shape = field(default_factory=Shape)


@dataclass(frozen=True, slots=True)
class Worth:
    """Expected engagements per slate, over seeds.

    Attributes:
        last: of the last round alone; the same as ``value`` for a policy that does not learn while it acts.
        over_greedy: minus the greedy ranker's, seed by seed.
    """

    policy: str
    value: float
    interval: Interval | None
    last: float
    over_greedy: float
    over_greedy_interval: Interval | None


def compare(plan: Plan, say: Say) -> list[Worth]:
    """Train and run every policy in each of the worlds."""
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(plan.seeds):
        say(f"world {seed + 1} of {plan.seeds}")
        for policy, values in _world(plan, seed, say).items():
            found.setdefault(policy, []).append(values)
    return [_worth(policy, values, found[GREEDY]) for policy, values in found.items()]


def write_log(world: World, decisions: int, random: np.random.Generator) -> SlateLog:
    """Let the production rule fill slates by what is popular, as before there is a model; fresh creatives excepted."""
    people = world.visitors(decisions, random)
    slates = np.empty((decisions, world.shape.places), dtype=np.int64)
    propensities = np.empty(slates.shape)
    known = np.flatnonzero(world.known)
    everybody = np.arange(world.shape.people)
    values = np.array([world.chances(everybody, np.full((len(everybody), 1), one)).mean() for one in known])
    for row in range(decisions):
        for place, one in enumerate(draw(values, world.shape.places, PRODUCTION, random)):
            slates[row, place], propensities[row, place] = known[one.index], one.propensity
    return SlateLog(people, slates, propensities, world.engagements(people, slates, random))


def _world(plan: Plan, seed: int, say: Say) -> dict[str, tuple[float, float]]:
    """Return each policy's worth in one world: on average over the rounds, and in the last."""
    world, random = World(plan.shape, seed), np.random.default_rng([seed, 1])
    log = write_log(world, plan.decisions, random)
    logged = Logged(world.history[log.people], log.slates, log.propensities, log.rewards)
    policies = {}
    for objective in Objective:
        say(f"  fitting {objective}")
        policies[objective] = fit_policy(logged, world.category, objective, seed=seed)
    people = world.visitors(plan.rounds * plan.round_size, random)
    ranker = policies[Objective.CLICKS]
    frozen = {
        "logging policy": _same(float(world.chances(log.people, log.slates).sum(axis=1).mean())),
        GREEDY: _same(_value(world, people, ranker.fill(world.history[people]))),
    }
    for objective in (Objective.SLATE_CLICKS, Objective.TOP_K, Objective.SEQUENTIAL):
        frozen[objective] = _same(_value(world, people, policies[objective].fill(world.history[people])))
    frozen["production rule"] = _same(_value(world, people, _chance(world, ranker, people, random)))
    for mode in Mode:
        say(f"  acting with the head: {mode}")
        frozen[f"head: {mode}"] = _live(plan, world, ranker, people, mode, np.random.default_rng([seed, 2]))
    frozen[CEILING] = _same(float(world.best(people).mean()))
    return frozen


def _chance(world: World, ranker: SlatePolicy, people: Places, random: np.random.Generator) -> Places:
    """Fill slates as production does without a head: Luce's rule around the ranker's scores."""
    scores = _scores(ranker, world, people)
    return np.array([[one.index for one in draw(row, world.shape.places, PRODUCTION, random)] for row in scores])


def _live(
    plan: Plan, world: World, ranker: SlatePolicy, people: Places, mode: Mode, random: np.random.Generator
) -> tuple[float, float]:
    """Let a head act and learn after each round; return its worth over all rounds and in the last."""
    keys = [f"creative {number}" for number in range(world.shape.creatives)]
    categories = [f"category {number}" for number in world.category]
    scores, values = _scores(ranker, world, people), []
    shown, engaged = np.empty((0, world.shape.places), dtype=np.int64), np.empty((0, world.shape.places))
    for number in range(plan.rounds):
        mine = slice(number * plan.round_size, (number + 1) * plan.round_size)
        head = Head(learn(_observed(scores[: len(shown)], shown, engaged, keys, categories)))
        arms = head.arms(keys, categories)
        slates = np.array([
            [one.index for one in draw(head.values(mode, arms, row, SCENE), world.shape.places, WITH_HEAD, random)]
            for row in scores[mine]
        ])  # fmt: skip
        values.append(_value(world, people[mine], slates))
        shown = np.concatenate([shown, slates])
        engaged = np.concatenate([engaged, world.engagements(people[mine], slates, random)])
    return float(np.mean(values)), values[-1]


def _observed(scores: Reals, shown: Places, engaged: Reals, keys: list[str], categories: list[str]) -> Observations:
    flat = shown.reshape(-1).tolist()
    logits = np.take_along_axis(log_odds(scores), shown, axis=1) if flat else np.empty((0, 1))
    return Observations(
        (SCENE,) * len(flat), tuple(categories[one] for one in flat), tuple(keys[one] for one in flat),
        logits.reshape(-1), np.ones(len(flat), dtype=np.int64), engaged.reshape(-1).astype(np.int64),
        tuple(np.tile(np.arange(shown.shape[1]), len(shown)).tolist()),
    )  # fmt: skip


def _scores(ranker: SlatePolicy, world: World, people: Places) -> Reals:
    """Return the ranker's probabilities at the first place, shape (people, creatives)."""
    odds = ranker.scores(world.history[people], np.empty((len(people), 0), dtype=np.int64))
    chances: Reals = 1 / (1 + np.exp(-odds))
    return chances


def _value(world: World, people: Places, slates: Places) -> float:
    """Return the true expected engagements per slate: no coin is tossed."""
    return float(world.chances(people, slates).sum(axis=1).mean())


def _same(value: float) -> tuple[float, float]:
    return value, value


def _worth(policy: str, values: list[tuple[float, float]], greedy: list[tuple[float, float]]) -> Worth:
    over = [mine - theirs for (mine, _), (theirs, _) in zip(values, greedy, strict=True)]
    whole = [value for value, _ in values]
    return Worth(
        policy, float(np.mean(whole)), over_seeds(whole), float(np.mean([last for _, last in values])),
        float(np.mean(over)), over_seeds(over),
    )  # fmt: skip


def table(plan: Plan, found: list[Worth]) -> str:
    """Write the comparison for people."""
    lines = [
        f"Expected engagements per slate of {plan.shape.places}; {plan.seeds} worlds of {plan.shape.creatives}"
        f" creatives ({plan.shape.fresh} never shown before), learnt from {plan.decisions:,} logged slates each; then",
        f"{plan.rounds} rounds of {plan.round_size} slates, after each of which the heads learn. Student's intervals of"
        " 95 % over worlds.",
        f"{'policy':22}{'all rounds':>26}{'last round':>12}{'over the greedy ranker':>30}",
    ]
    for one in found:
        over = "" if one.policy == GREEDY else _interval(one.over_greedy, one.over_greedy_interval)
        lines.append(f"{one.policy:22}{_interval(one.value, one.interval):>26}{one.last:>12.3f}{over:>30}")
    return "\n".join(lines)


def write(path: Path, plan: Plan, found: list[Worth]) -> None:
    """Write plan and comparison as JSON."""
    document: dict[str, Any] = {"plan": asdict(plan), "policies": [asdict(one) for one in found]}
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def _interval(value: float, interval: Interval | None) -> str:
    return f"{value:.3f}" if interval is None else f"{value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
