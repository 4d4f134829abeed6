"""What engaging with one creative says about another: weights computed from the train part in closed form.

Between creatives they are those of EASE, and between whatever else histories hold (categories) the logarithms of how
much more often than by chance people engage with both; each brought to reduced rank, so that they fit into the tables
of a ranking network (`recsys.training.networks.related`). Rows of the train part have made the weights and look too
well explained by them, so what they are worth beside the network is found on the validation part, as calibration is:
`recsys.training.weighing`. Weights that do not help there stay zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recsys.features import Feature, Feeds
from recsys.training.association import Matrix, Places, ease, lift, reduced, sums
from recsys.training.counting import TERMS, Counts
from recsys.training.dataset import Examples, Split
from recsys.training.networks import build
from recsys.training.networks.network import OUTPUT, Network
from recsys.training.networks.related import ITEM, Related, columns, put_first
from recsys.training.steps import forward
from recsys.training.task import Task
from recsys.training.weighing import Column, Weighing, weigh

RANK = 128
PENALTIES = (10.0, 30.0, 100.0, 300.0)
MOST_IDS = 6_000
"""Weights are dense; of larger catalogues only what was engaged with most has some."""
SCORING_BATCH = 8_192


@dataclass(frozen=True, eq=False)
class Vectors:
    """The weights between the ids of one table, as the product of two vectors for each id.

    Attributes:
        table: name of the feature.
        ids: that have weights, int64, shape (ids,).
        source, target: where an id is history and where it is a candidate, (ids, rank).
        added: what the weights add up to in each row of the validation part, shape (rows,).
    """

    table: str
    ids: Places
    source: Matrix
    target: Matrix
    added: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Engagements:
    """Who engaged with what in the train part, each pair once.

    Attributes:
        people, things: ids of viewers, none of them 0, and of what one table holds; int64, shape (pairs,).
    """

    people: Places
    things: Places

    @classmethod
    def of(cls, train: Examples, history: Feature) -> Self:
        """Collect the engagements of the rows that are held, and those which their histories tell of.

        Two engagements with one creative count once, with two creatives of one category twice.
        """
        feeds = train.feeds
        viewer, items, past = feeds["viewer"][:, 0], feeds[ITEM][:, 0], feeds["history_" + ITEM]
        engaged = (viewer > 0) & (items > 0) & (train.labels > 0.5)
        rows, columns = np.nonzero((past > 0) & (viewer > 0)[:, None])
        people = np.concatenate([viewer[engaged], viewer[rows]]).astype(np.int64)
        creatives = np.concatenate([items[engaged], past[rows, columns]]).astype(np.int64)
        things = np.concatenate([feeds[history.table][engaged, 0], feeds[history.name][rows, columns]])
        first = np.unique(people * (1 + creatives.max(initial=0)) + creatives, return_index=True)[1]
        first = first[things[first] > 0]
        return cls(people[first], things[first].astype(np.int64))

    def frequent(self) -> Places:
        """Return the ids that were engaged with most, in order."""
        found, counts = np.unique(self.things, return_counts=True)
        return np.sort(found[np.argsort(-counts, kind="stable")[:MOST_IDS]])

    def matrix(self, ids: Places) -> Any:
        """Count how often each person engaged with each of some ids; CSR, float32, shape (people, ids)."""
        from scipy.sparse import csr_matrix

        chosen = np.isin(self.things, ids)
        rows = np.unique(self.people[chosen], return_inverse=True)[1]
        columns = np.searchsorted(ids, self.things[chosen])
        shape = (int(rows.max(initial=-1)) + 1, len(ids))
        return csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)


def has_weights(network: Any) -> bool:
    """Tell whether a network has room for item-item weights."""
    return any(isinstance(layer, Related) for layer in network.layers)


def rank_for(train: Examples) -> int:
    """Choose a rank: at most 128, and no more than the creatives that somebody engaged with could need."""
    found = np.unique(train.feeds[ITEM][train.labels > 0.5])
    return min(RANK, int(np.count_nonzero(found)))


def without(network: Network) -> Network:
    """Build the same network without item-item weights, to be learnt by steps; it begins with the same numbers."""
    plain = build(replace(network.config, item_item=0), network.layout.spec, seed=0)
    for narrow, wide in _pairs(plain, network):
        values = wide.numpy()
        narrow.assign(values if values.shape == narrow.shape else values[:, : narrow.shape[1]])
    return plain


def relate(network: Network, plain: Network, split: Split) -> str:
    """Give a network what its plain twin has learnt, and those weights and counts that help on the validation part.

    Returns:
        A sentence on what was found.
    """
    for narrow, wide in _pairs(plain, network):
        wide.assign(put_first(wide.numpy(), narrow.numpy()))
    learnt = _log_odds(forward(plain, split.validation.feeds, SCORING_BATCH).reshape(-1))
    labels, kept = split.validation.labels, list[Vectors]()
    before = best = weigh(learnt, [], labels)
    for history in network.layout.histories:
        found = _vectors(history, split, network.config.item_item, learnt)
        now = weigh(learnt, [each.added for each in (*kept, *found)], labels)
        if found and now.betters(best):
            kept, best = [*kept, *found], now
    counts = Counts.of(split.train, network.layout.spec.sizes[ITEM])
    nobody = _log_odds(forward(plain, _of_nobody(network, split.validation.feeds), SCORING_BATCH).reshape(-1))
    said, best = _counted(counts, split, (learnt, nobody), [each.added for each in kept], best)
    if not kept and not said:
        return "no weights between ids: they do not help on the validation part"
    _put(network, kept, counts, said, best)
    told = [f"weights between ids of {each.table} ({len(each.ids)})" for each in kept] + [*said]
    return f"{'; '.join(told)}: {(best.nats - before.nats) / len(labels):.4f} nats better a row"


def _counted(
    counts: Counts, split: Split, learnt: tuple[Column, Column], related: list[Column], best: Weighing
) -> tuple[list[str], Weighing]:
    """Choose what to say of creatives by their counts: whatever helps most, and so on while it helps.

    What is said whoever asks must be right whoever asks. Beside what a history says, having been shown often may speak
    against a creative that it speaks for where there is no history, and a log may hold no rows of those whom nobody
    knows. So a term must help on its rows as they would be had nobody known who asked, too.

    Args:
        learnt: the network's log-odds of the validation part, and what they are where nobody is known.
    """
    shown, labels = split.validation.feeds[ITEM][:, 0], split.validation.labels
    terms = {name: term(counts)[shown] for name, term in TERMS.items()}
    said = list[str]()
    while len(said) < len(terms):
        tried = {
            (*said, name): weigh(learnt[0], related, labels, [terms[each] for each in (*said, name)])
            for name in terms
            if name not in said
        }
        known = best.without_terms(learnt[1], [terms[each] for each in said], labels)
        helping = {
            names: found
            for names, found in tried.items()
            if found.betters(best) and found.without_terms(learnt[1], [terms[each] for each in names], labels) > known
        }
        if not helping:
            break
        names = max(helping, key=lambda each: helping[each].nats)
        said, best = [*names], helping[names]
    return said, best


def _of_nobody(network: Network, feeds: Feeds) -> Feeds:
    """Encode rows as they would be had nobody known who asked: no viewer and no history."""
    silent = {"viewer", "history_length", *(feature.name for feature in network.layout.histories)}
    return {name: np.zeros_like(ids) if name in silent else ids for name, ids in feeds.items()}


def _vectors(history: Feature, split: Split, rank: int, learnt: Column) -> list[Vectors]:
    """Compute the vectors of a history's table, none if nothing is known of it; creatives' penalty is chosen."""
    engaged = Engagements.of(split.train, history)
    ids, feeds, labels = engaged.frequent(), split.validation.feeds, split.validation.labels
    if len(ids) < 2:
        return []
    matrix, past = engaged.matrix(ids), feeds[history.name]
    places = _places(ids, past), _places(ids, feeds[history.table][:, 0])
    if history.table == ITEM:
        tried = {each: weigh(learnt, [sums(ease(matrix, each), *places)], labels).nats for each in PENALTIES}
        weights = ease(matrix, max(tried, key=lambda penalty: tried[penalty]))
    else:
        weights = lift(matrix)
    source, target = reduced(weights, rank)
    added = sums(source @ target.T, *places)
    if history.table != ITEM:
        added /= np.sqrt(np.maximum(np.count_nonzero(past, axis=1), 1))
    return [Vectors(history.table, ids, source, target, added)]


def _places(ids: Places, words: NDArray[np.int32]) -> Places:
    """Find where each id stands among some, behind them if it is not there."""
    found = np.minimum(np.searchsorted(ids, words), len(ids) - 1)
    return np.where(ids[found] == words, found, len(ids))


def _put(network: Network, kept: list[Vectors], counts: Counts, said: list[str], found: Weighing) -> None:
    """Write vectors into the last columns of the tables, the slope, and the intercept into the bias."""
    for vectors, weight in zip(kept, found.weights, strict=True):
        table, rank = network.get_layer(f"{vectors.table}_table").weights[0], vectors.source.shape[1]
        values, width = table.numpy(), columns(rank)
        values[vectors.ids, -2 * width : -width - 1] = vectors.source
        values[vectors.ids, -width:-1] = weight * vectors.target
        table.assign(values)
    if said:
        table = network.get_layer(f"{ITEM}_table").weights[0]
        values = table.numpy()
        values[:, -1] = sum(weight * TERMS[name](counts) for name, weight in zip(said, found.counted, strict=True))
        table.assign(values)
    network.get_layer("related").slope.assign(found.slope)
    bias = network.get_layer(OUTPUT).bias
    bias.assign(found.slope * bias + np.float32(found.intercept))


def _pairs(plain: Network, network: Network) -> list[tuple[Any, Any]]:
    """Pair the weights of a network without item-item weights with those of its twin that has room for some."""
    return [
        pair
        for narrow, wide in zip(_learning(plain), _learning(network), strict=True)
        for pair in zip(narrow.weights, wide.weights, strict=True)
    ]


def _learning(network: Network) -> list[Any]:
    """List the layers that learn, in an order that does not depend on how deep in the graph they stand.

    Layers that were given no name have one with a number that counts up, from which the order is taken.
    """
    layers = [each for each in Task.of(network).learner.layers if each.weights and not isinstance(each, Related)]
    return sorted(layers, key=lambda layer: _numbered(layer.name))


def _numbered(name: str) -> tuple[str, int]:
    base, _, number = name.rpartition("_")
    return (base, int(number)) if base and number.isdigit() else (name, 0)


def _log_odds(chances: NDArray[np.float32]) -> NDArray[np.float64]:
    safe = np.clip(chances.astype(np.float64), 1e-7, 1 - 1e-7)
    found: NDArray[np.float64] = np.log(safe / (1 - safe))
    return found
