"""Logs of choices with propensities: the Open Bandit Dataset, and anybody's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from recsys.benchmark.errors import ColumnMissing, DataUnreadable, OptionsUnusable
from recsys.offpolicy.log import LoggedChoices, Reals, Target
from recsys.training.rewards import expected_rewards

CAMPAIGNS: Final = ("all", "men", "women")
POLICIES: Final = ("random", "bts", "uniform")
LOGGING: Final = ("random", "bts")
TARGET: Final = "target"
OF_ACTION: Final = "target:"


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A log and the policy to be judged by it.

    Attributes:
        earned: what the target policy really earned, where it ran as well: one reward a choice; None elsewhere.
    """

    name: str
    log: LoggedChoices = field(repr=False)
    target: Target = field(repr=False)
    earned: Reals | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Placements:
    """A log of the Open Bandit Dataset; all of length n.

    Attributes:
        items, positions: int64, from 0.
        clicks, propensities: float64.
        users: the users' four categories, shape (n, 4).
    """

    items: NDArray[np.int64]
    positions: NDArray[np.int64]
    clicks: Reals
    propensities: Reals
    users: NDArray[np.object_]


def open_bandit(carriers: Path, *, campaign: str, logged: str, target: str, model: bool = True) -> Question:
    """Ask what one policy of the Open Bandit Dataset would have earned, by the log of another.

    Each placement is a choice of its own: the target's probability of an item is its share of that position in the
    target's own log, whatever the user (Bernoulli Thompson sampling, `bts`, looks at no context), as Saito et al.
    (NeurIPS 2021 Datasets and Benchmarks) have it. `uniform` shows every item equally often.

    Args:
        carriers: folder in which `make carriers` unpacked the package `obp`.
        model: also fit a model of rewards, for the estimators that need one.

    Raises:
        OptionsUnusable: there is no such campaign or policy.
        DataUnreadable: the package is not there.
    """
    for given, known in ((campaign, CAMPAIGNS), (logged, LOGGING), (target, POLICIES)):
        if given not in known:
            raise OptionsUnusable(
                f"There is no {given!r} in the Open Bandit Dataset.", expected=f"one of {', '.join(known)}.",
                remedy="Name one of those.",
            )  # fmt: skip
    log = placements(carriers, policy=logged, campaign=campaign)
    count = int(log.items.max()) + 1
    earned: Reals | None = None
    if target == "uniform":
        probabilities = np.full((len(log.items), count), 1 / count)
    else:
        own = placements(carriers, policy=target, campaign=campaign)
        count = max(count, int(own.items.max()) + 1)
        probabilities, earned = _shares(own, count)[log.positions], own.clicks
    expected = None
    if model:
        where = np.concatenate([log.users, log.positions[:, None].astype(object)], axis=1)
        expected = expected_rewards(where, log.items, log.clicks, count=count)
    return Question(
        f"open bandit, {campaign}: {target} by the log of {logged}",
        LoggedChoices(log.items, log.clicks, log.propensities), Target(probabilities, expected), earned,
    )  # fmt: skip


def placements(carriers: Path, *, policy: str, campaign: str) -> Placements:
    """Read a log of the Open Bandit Dataset.

    Raises:
        DataUnreadable: the package is not there, or the file is broken.
    """
    ending = Path("obp", "dataset", "obd", policy, campaign, f"{campaign}.csv")
    path = next(iter(sorted(carriers.glob(f"*/{ending}"))), carriers / ending)
    table = _table(path)
    users = [table[f"user_feature_{number}"].to_numpy() for number in range(4)]
    return Placements(
        items=table["item_id"].to_numpy().astype(np.int64),
        positions=table["position"].to_numpy().astype(np.int64) - 1,
        clicks=table["click"].to_numpy().astype(np.float64),
        propensities=table["propensity_score"].to_numpy().astype(np.float64),
        users=np.stack(users, axis=1).astype(object),
    )


def from_file(path: Path, *, context: Sequence[str] = ()) -> Question:
    """Read anybody's log: `action,reward,propensity` and what the policy to be judged would have done.

    That is either one column `target`, its probability of the logged action, or one column `target:ACTION` for each
    action; only the second can have a model of rewards, which needs rewards of 0 and 1 and is fitted on the columns
    named by ``context``.

    Raises:
        DataUnreadable: it is neither CSV nor Parquet.
        ColumnMissing: a column is missing.
        UnusableLog: the values are no log, or no policy.
    """
    table = _table(path)
    for name in ("action", "reward", "propensity", *context):
        if name not in table.column_names:
            raise ColumnMissing(
                f"{path.name} has no column {name!r}.", expected="action, reward, propensity and --context.",
                remedy="Rename the column in the file.",
            )  # fmt: skip
    words = [str(word) for word in table["action"].to_pylist()]
    rewards, propensities = (_numbers(table, name) for name in ("reward", "propensity"))
    actions = [name.removeprefix(OF_ACTION) for name in table.column_names if name.startswith(OF_ACTION)]
    if not actions:
        return _relative(path, table, rewards, propensities)
    numbers = {word: number for number, word in enumerate(actions)}
    unknown = sorted(set(words) - set(numbers))
    if unknown:
        raise ColumnMissing(
            f"The log holds the action {unknown[0]!r}.", expected=f"a column {OF_ACTION}{unknown[0]}.",
            remedy="Give the policy's probability of every action.",
        )  # fmt: skip
    chosen = np.array([numbers[word] for word in words], dtype=np.int64)
    log = LoggedChoices(chosen, rewards, propensities)
    probabilities = np.stack([_numbers(table, OF_ACTION + word) for word in actions], axis=1)
    expected = None
    if set(np.unique(rewards)) <= {0.0, 1.0}:
        columns = [np.array(table[name].to_pylist(), dtype=object) for name in context]
        where = np.stack(columns, axis=1) if columns else np.zeros((len(log), 1), dtype=object)
        expected = expected_rewards(where, chosen, rewards, count=len(actions))
    return Question(path.name, log, Target(probabilities, expected))


def _relative(path: Path, table: Any, rewards: Reals, propensities: Reals) -> Question:
    """Judge by the probability of the logged action alone: action 0 is what was logged, 1 is anything else."""
    if TARGET not in table.column_names:
        raise ColumnMissing(
            f"{path.name} does not say what the policy to be judged does.",
            expected=f"a column {TARGET}, or one column {OF_ACTION}ACTION for each action.",
            remedy="Add the policy's probabilities to the log.",
        )
    chance = _numbers(table, TARGET)
    log = LoggedChoices(np.zeros(len(rewards), dtype=np.int64), rewards, propensities)
    return Question(path.name, log, Target(np.stack([chance, 1 - chance], axis=1)))


def _shares(log: Placements, count: int) -> Reals:
    """Return how often each item took each position, shape (positions, items)."""
    table = np.zeros((int(log.positions.max()) + 1, count))
    np.add.at(table, (log.positions, log.items), 1)
    shares: Reals = table / table.sum(axis=1, keepdims=True)
    return shares


def _table(path: Path) -> Any:
    try:
        return pa.parquet.read_table(path) if path.suffix == ".parquet" else pa.csv.read_csv(path)
    except (OSError, pa.ArrowException) as error:
        raise DataUnreadable(
            f"{path.name} cannot be read: {error}.", expected="a CSV or Parquet file with a header.",
            remedy="Check the file; the Open Bandit Dataset comes with `make carriers`.",
        ) from error  # fmt: skip


def _numbers(table: Any, name: str) -> Reals:
    try:
        numbers: Reals = table[name].cast(pa.float64()).to_numpy().astype(np.float64)
    except pa.ArrowException as error:
        raise DataUnreadable(
            f"Column {name} holds something that is no number.", expected="numbers.", remedy="Correct the column."
        ) from error
    return numbers
