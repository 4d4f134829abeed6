"""From a log to arrays: vocabularies, bins, rates and profiles, all learnt from the train part alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.benchmark.log import Codes, Column, Log, Role
from recsys.benchmark.prepared import ABSENT, FIRST, RARE, Prepared, Rows
from recsys.benchmark.profiles import frozen, rolling
from recsys.benchmark.splitting import Parts
from recsys.shares import smoothed

BINS = 10
LISTED_USERS, LISTED_ITEMS = 100, 500
SEED = 2026


class _Feature(NamedTuple):
    name: str
    role: Role
    ids: NDArray[np.int32]
    size: int


def prepare(log: Log, parts: Parts, *, histories: bool) -> Prepared:
    """Make a split log ready for models.

    Args:
        histories: whether models are told what each user liked before each row, also after the train part ended; else
            profiles end with the train part, and only models that consist of them look at them.
    """
    profiles = rolling(log) if histories else frozen(log, parts)
    features = _features(log, parts.train)
    ids = np.stack([feature.ids for feature in features], axis=1)
    numeric = [column.values for column in log.columns if column.kind == "numeric"]
    numbers = np.stack(numeric, axis=1).astype(np.float32) if numeric else np.zeros((len(log), 0), np.float32)
    rates = np.concatenate([_rates(log, log.item, parts), _rates(log, log.user, parts)], axis=1)
    everything = Rows(log.labels, log.user, log.item, ids, numbers, rates, profiles.start, profiles.stop)
    roles = tuple(feature.role for feature in features)
    items = max(int(log.item.max()) + 1, 1)
    item_ids = _item_ids(log, ids, roles, items)
    catalogue, listed = _catalogue(everything, parts, log, roles)
    return Prepared(
        train=everything.take(parts.train),
        validation=everything.take(parts.validation),
        test=everything.take(parts.test),
        catalogue=catalogue,
        listed=listed,
        features=tuple(feature.name for feature in features),
        sizes=tuple(feature.size for feature in features),
        roles=roles,
        profile=profiles.items,
        item_ids=item_ids,
        items=items,
        users=max(int(log.user.max()) + 1, 1),
        histories=histories and log.has_users and log.has_items,
    )


def _features(log: Log, train: NDArray[np.intp]) -> list[_Feature]:
    found = [
        _categorical("user", "user", log.user, train, unseen=ABSENT),  # somebody never met is served as anonymous
        _categorical("item", "item", log.item, train, least=1),  # one id for several would have what each was met with
    ]
    found += [
        _categorical(column.name, column.role, column.codes, train)
        for column in log.columns
        if column.kind == "categorical"
    ]
    return found + [_binned(column, train) for column in log.columns if column.kind == "numeric"]


def _categorical(
    name: str, role: Role, codes: Codes, train: NDArray[np.intp], *, unseen: int = RARE, least: int = 2
) -> _Feature:
    counts = np.bincount(codes[train] + 1, minlength=int(codes.max()) + 2)[1:]
    table = np.full(len(counts) + 1, unseen, dtype=np.int32)
    often = np.flatnonzero(counts >= least)
    table[often] = FIRST + np.arange(len(often))
    table[-1] = ABSENT
    return _Feature(name, role, table[codes], FIRST + len(often))


def _binned(column: Column, train: NDArray[np.intp]) -> _Feature:
    known = column.values[train]
    known = known[~np.isnan(known)]
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.empty(0)
    bins = FIRST + np.searchsorted(edges, column.values, side="right")
    ids = np.where(np.isnan(column.values), ABSENT, bins)
    return _Feature(column.name, column.role, ids.astype(np.int32), FIRST + len(edges) + 1)


def _rates(log: Log, codes: Codes, parts: Parts) -> NDArray[np.float32]:
    """Give each row the like-rate and log count of a code; float32, shape (rows, 2).

    In the train part from the rows of earlier instants, so that a row's own label is not told; later from the whole
    train part. Rates are drawn to the base rate of the train part by twenty rows.
    """
    train = parts.train
    base = float(log.labels[train].mean())
    size = int(codes.max()) + 2
    rows = np.bincount(codes[train] + 1, minlength=size).astype(np.float64)
    likes = np.bincount(codes[train] + 1, weights=log.labels[train], minlength=size)
    seen, liked = rows[codes + 1], likes[codes + 1]
    order = train[np.argsort(codes[train], kind="stable")]
    sorted_codes, labels = codes[order], log.labels[order].astype(np.float64)
    moments, moment = np.unique(log.at[order], return_inverse=True)
    key = sorted_codes * len(moments) + moment
    first = np.searchsorted(sorted_codes, sorted_codes, side="left")
    now = np.searchsorted(key, key, side="left")  # rows of the same instant are no past: drawn ones tell on each other
    before = np.concatenate(([0.0], np.cumsum(labels)))
    seen[order] = now - first
    liked[order] = before[now] - before[first]
    return np.stack([smoothed(liked, seen, base), np.log1p(seen)], axis=1).astype(np.float32)


def _item_ids(log: Log, ids: NDArray[np.int32], roles: tuple[Role, ...], items: int) -> NDArray[np.int32]:
    table = np.zeros((items, ids.shape[1]), dtype=np.int32)
    if log.has_items:
        codes, first = np.unique(log.item, return_index=True)
        table[codes] = ids[first]
    table[:, [role != "item" for role in roles]] = 0
    return table


def _catalogue(rows: Rows, parts: Parts, log: Log, roles: tuple[Role, ...]) -> tuple[Rows, int]:
    """Pair some users, at the moment of their last row of the test part, with some items of the train part."""
    if not log.has_items:
        return rows.take(np.empty(0, dtype=np.intp)), 0
    random = np.random.default_rng(SEED)
    codes, latest = np.unique(rows.item[parts.train][::-1], return_index=True)
    some = np.sort(random.permutation(len(codes))[:LISTED_ITEMS])
    shown = parts.train[::-1][latest[some]]  # the latest row of each item in the train part tells what it is
    asking = parts.test
    if log.has_users:
        asking = parts.test[::-1][np.unique(rows.user[parts.test][::-1], return_index=True)[1]]
    asking = np.sort(random.permutation(asking)[:LISTED_USERS])
    of_user, of_item = rows.take(np.repeat(asking, len(shown))), rows.take(np.tile(shown, len(asking)))
    columns = np.array([role == "item" for role in roles])
    numeric = np.array([column.role == "item" for column in log.columns if column.kind == "numeric"], dtype=bool)
    return (
        Rows(
            labels=np.zeros(len(of_user), dtype=np.float32),
            user=of_user.user,
            item=of_item.item,
            ids=np.where(columns, of_item.ids, of_user.ids),
            numbers=np.where(numeric, of_item.numbers, of_user.numbers),
            rates=np.concatenate([of_item.rates[:, :2], of_user.rates[:, 2:]], axis=1),
            start=of_user.start,
            stop=of_user.stop,
        ),
        len(shown),
    )
